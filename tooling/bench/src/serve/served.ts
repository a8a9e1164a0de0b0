import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CorellaError } from "@corella/errors";

/** A server that is measured, in a process of its own. */
export interface Served {
  readonly url: string;
  /** Its memory now, in MB. */
  memoryMb(): number;
  /** Sends it a signal. */
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, "../../../..");

/** Starts `pnpm serve` on a bundle at a free port, with options of its own; SIGUSR2 ends the LLM's thread. */
export function startOurs(bundle: string, options: readonly string[] = []): Promise<Served> {
  const main = join(root, "apps/serve/src/main.ts");
  const hook = join(import.meta.dirname, "end-llm-thread.mjs");
  return start(
    process.execPath,
    [
      "--import",
      hook,
      "--conditions=source",
      "--import",
      "tsx",
      main,
      "--bundle",
      bundle,
      "--port",
      "0",
      ...options,
    ],
    /at (http:\S+) \(\d+ ms to load\)/,
  );
}

/** Starts the peer on what `prepareRequests` wrote into a folder. */
export function startPeer(python: string, folder: string, threads: number): Promise<Served> {
  const script = join(root, "tooling/bench/peers/fastapi_crm.py");
  return start(python, [script, folder, "--threads", String(threads)], /at (http:\S+)\n/);
}

async function start(program: string, commandLine: readonly string[], ready: RegExp): Promise<Served> {
  const child = spawn(program, commandLine, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close");
  const url = await addressOf(child, ready);
  let stopping = false;
  child.on("close", (code, signal) => {
    if (!stopping) process.stderr.write(`the server ended by itself: ${signal ?? `exit code ${code}`}\n`);
  });
  return {
    url,
    memoryMb: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
    },
    signal: (signal) => void child.kill(signal),
    async stop() {
      stopping = true;
      child.kill("SIGTERM");
      await Promise.race([ended, pause(12_000)]);
      child.kill("SIGKILL");
    },
  };
}

function addressOf(child: ChildProcess, ready: RegExp): Promise<string> {
  let output = "";
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        // What is printed later, a line for each request, is of no use.
        if (ready.test(output)) return;
        output += text;
        const url = ready.exec(output)?.[1];
        if (url !== undefined) resolve(url);
      });
    }
    child.on("close", () =>
      reject(
        new CorellaError({
          code: "bench/server",
          message: `The server ended: ${output.trim().split("\n").at(-1) ?? "no message"}`,
          place: child.spawnargs.join(" "),
        }),
      ),
    );
  });
}
