import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { missingLine, stepsOf } from "./steps.ts";

/** How a tutorial is followed. */
export interface FollowOptions {
  /** Where its commands are called, and the files lie that it writes. */
  readonly folder: string;
  /** What is called in place of a command; undefined leaves it out. */
  readonly standIn?: (command: string) => string | undefined;
  readonly environment?: Readonly<Record<string, string>>;
  readonly log?: (line: string) => void;
  /** Ends the command that runs, and the servers. */
  readonly signal?: AbortSignal;
}

/** A command that was called. */
export interface Followed {
  readonly command: string;
  readonly printed: string;
}

/**
 * Does what a tutorial says, command by command, and compares what they print with what it says that they print. A server is
 * left running until the end.
 * @throws Error at the first command that fails or is ended, or that prints something else
 */
export async function follow(markdown: string, options: FollowOptions): Promise<readonly Followed[]> {
  const { folder, log = () => undefined } = options;
  const servers: ChildProcess[] = [];
  const followed: Followed[] = [];
  try {
    for (const step of stepsOf(markdown)) {
      if (step.kind === "file") {
        await mkdir(dirname(join(folder, step.path)), { recursive: true });
        await writeFile(join(folder, step.path), step.content);
        continue;
      }
      const command = options.standIn === undefined ? step.command : options.standIn(step.command);
      if (command === undefined) {
        log(`left out: ${step.command}`);
        continue;
      }
      log(`$ ${command}`);
      const child = spawn("bash", ["-c", `exec ${command}`], {
        cwd: folder,
        env: { ...process.env, ...options.environment },
        stdio: ["ignore", "pipe", "pipe"],
        // A group of its own, so that a server ends with all that it started.
        detached: true,
      });
      options.signal?.addEventListener("abort", () => endGroup(child.pid));
      const output = collect(child);
      const isServer = / serve(?= |$)|\/serve\//.test(command);
      if (isServer) servers.push(child);
      const missing = isServer
        ? await until(child, output, step.expected ?? "")
        : await atEnd(child, output, step.expected, command);
      log(output());
      if (missing !== undefined)
        throw new Error(`Line ${step.line}: \`${command}\` does not print\n${missing}\nbut\n${output()}`);
      followed.push({ command: step.command, printed: output() });
    }
  } finally {
    for (const { pid } of servers) endGroup(pid);
  }
  return followed;
}

function collect(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return () => text;
}

async function atEnd(
  child: ChildProcess,
  output: () => string,
  expected: string | undefined,
  command: string,
): Promise<string | undefined> {
  const status = await new Promise((resolve) => {
    child.on("close", resolve);
  });
  if (status !== 0) throw new Error(`\`${command}\` ended with ${String(status)}:\n${output()}`);
  return expected === undefined ? undefined : missingLine(expected, output());
}

/** Waits until a server has printed what is expected, or has ended. */
async function until(
  child: ChildProcess,
  output: () => string,
  expected: string,
): Promise<string | undefined> {
  for (;;) {
    const missing = missingLine(expected, output());
    if (missing === undefined || child.exitCode !== null || child.signalCode !== null) return missing;
    await sleep(50);
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // It has ended by itself.
  }
}
