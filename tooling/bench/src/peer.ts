import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CorellaError } from "@corella/errors";
import type { Contestant } from "./contestant.ts";

const home = process.env["CORELLA_PEERS"] ?? join(homedir(), ".cache", "corella-peers");
const python = join(home, "venv", "bin", "python");
const fuxiCtr = process.env["FUXICTR_HOME"] ?? join(home, "FuxiCTR");
const scripts = join(import.meta.dirname, "..", "peers");

interface Answer {
  readonly parameters?: number;
  readonly ms?: number;
  readonly cpuMs?: number;
  readonly peakMb: number;
}

/** Why a peer's script cannot run and what to do, or undefined when it can. */
export function missingPeer(script: string): string | undefined {
  const advice = "see tooling/bench/peers/README.md";
  if (isNode(script)) {
    if (existsSync(join(home, "llama-cpp"))) return undefined;
    return `peer not installed: run tooling/bench/peers/setup-llama-cpp.sh, ${advice}`;
  }
  if (!existsSync(python)) return `peer not installed: run tooling/bench/peers/setup.sh, ${advice}`;
  if (script.startsWith("fuxictr") && !existsSync(join(fuxiCtr, "model_zoo")))
    return `FuxiCTR's sources are missing: set FUXICTR_HOME, ${advice}`;
  return undefined;
}

function isNode(script: string): boolean {
  return script.endsWith(".mjs");
}

/**
 * Runs a peer's Python script to its end and gives its JSON lines; what it says on stderr is passed on.
 * @throws CorellaError `bench/no-peer` where it is not installed, `bench/peer` when it fails
 */
export function runPeer<Line>(script: string, commandLine: readonly string[], threads: number): Line[] {
  const missing = missingPeer(script);
  if (missing !== undefined) {
    const remedy = "Set the environment up, or name it with CORELLA_PEERS.";
    throw new CorellaError({ code: "bench/no-peer", message: missing, place: script, remedy });
  }
  const { status, stdout } = spawnSync(
    python,
    [join(scripts, script), ...commandLine, "--threads", String(threads)],
    {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      maxBuffer: 2 ** 28,
      env: { ...process.env, OMP_NUM_THREADS: String(threads) },
    },
  );
  if (status === 0) {
    const lines = stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Line);
  }
  throw new CorellaError({
    code: "bench/peer",
    message: `The peer ended with the exit code ${status}; its message stands above.`,
    place: script,
    remedy: "Compare the versions of the environment with tooling/bench/peers/setup.sh.",
  });
}

/** A process of Python, or of Node, with one contestant, which answers rounds on command. */
export class PeerProcess {
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #errors = "";
  #peakMb: number | undefined;

  constructor(script: string, threads: number) {
    const program = isNode(script) ? process.execPath : python;
    this.#process = spawn(program, [join(scripts, script), "--threads", String(threads)], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, OMP_NUM_THREADS: String(threads), FUXICTR_HOME: fuxiCtr, HF_HUB_OFFLINE: "1" },
    });
    this.#process.stdin!.on("error", () => {}); // A process that died is noticed when its answer is missing.
    this.#process.stderr!.on(
      "data",
      (text: Buffer) => (this.#errors = `${this.#errors}${text}`.slice(-4000)),
    );
    this.#answers = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  /** Builds the contestant in the process and warms it up. @throws CorellaError `bench/peer` */
  async contestant(name: string, settings: Readonly<Record<string, unknown>>): Promise<Contestant> {
    const ready = await this.#ask({ name, rounds: 0, settings });
    return {
      parameters: ready.parameters,
      round: async (steps) => {
        const { ms, cpuMs } = await this.#ask({ name, rounds: 1, steps });
        return { ms: ms!, cpuMs: cpuMs! };
      },
      peakMb: () => this.#peakMb,
      dispose: async () => this.end(),
    };
  }

  async #ask(command: object): Promise<Answer> {
    this.#process.stdin!.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#answers.next();
    if (done !== true) {
      const answer = JSON.parse(value) as Answer;
      this.#peakMb = answer.peakMb;
      return answer;
    }
    throw new CorellaError({
      code: "bench/peer",
      message: `The peer ended: ${this.#errors.trim().split("\n").at(-1) ?? "no message"}`,
      place: this.#process.spawnargs[1],
      remedy: "Compare the versions of the environment with tooling/bench/peers/setup.sh.",
    });
  }

  end(): void {
    this.#process.kill();
  }
}
