import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { CorellaError } from "@corella/errors";
import { isRetryable, type Programs, type Unit } from "./unit.ts";

/** Lines of a unit's output that are kept for its error. */
const keptLines = 20;

/** An ended unit gets so long to save what it has before it is killed. */
const graceMs = 10_000;

/** How an attempt ended; `text` says why it failed, with the last lines of its output. */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "again" | "failed"; readonly text: string };

/**
 * Runs a unit once, as a child process that ends with this one (see `endWithParent`).
 * @param signal ends the process: SIGTERM, and after 10 s SIGKILL
 * @throws CorellaError `jobs/not-allowed`, `jobs/interrupted`
 */
export async function attempt(unit: Unit, programs: Programs, signal?: AbortSignal): Promise<Outcome> {
  const programArguments = argumentsOf(unit, programs);
  const isInterrupted = (): boolean => signal?.aborted === true;
  if (isInterrupted()) throw interrupted(unit);
  const child = spawn(process.execPath, programArguments, { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const lines = lastLines(child);
  const end = (): void => endChild(child);
  signal?.addEventListener("abort", end, { once: true });
  try {
    const { code, how } = await ending(child);
    if (code === 0) return { kind: "done" };
    if (isInterrupted()) throw interrupted(unit);
    const text = [`It ended with ${how}.`, ...lines].join("\n");
    return { kind: isRetryable(code) ? "again" : "failed", text };
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

function argumentsOf({ id, command }: Unit, programs: Programs): string[] {
  for (const words of [2, 1]) {
    const name = command.slice(0, words).join(" ");
    if (Object.hasOwn(programs, name)) return [...programs[name]!, ...command.slice(words)];
  }
  throw new CorellaError({
    code: "jobs/not-allowed",
    message: `A unit of work may run ${Object.keys(programs).join(" or ")}, and nothing else.`,
    place: `unit ${id}: ${command.slice(0, 2).join(" ")}`,
    remedy: "Use the same version of the programs on all machines.",
  });
}

/** The array that always holds the last lines of what a process writes. */
function lastLines(child: ChildProcess): readonly string[] {
  const lines: string[] = [];
  for (const stream of [child.stdout!, child.stderr!])
    createInterface(stream).on("line", (line) => {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
    });
  return lines;
}

/** Resolves when a process has ended and all its output is read. */
function ending(child: ChildProcess): Promise<{ readonly code: number | null; readonly how: string }> {
  return new Promise((resolve) => {
    // Not started at all: too many processes, or no memory.
    child.once("error", (error) => resolve({ code: null, how: error.message }));
    child.once("close", (code, signal) => resolve({ code, how: signal ?? `exit code ${code}` }));
  });
}

function endChild(child: ChildProcess): void {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  child.once("exit", () => clearTimeout(timer));
}

/** The error of a unit that was ended, or not begun, because the caller asked to stop. */
export function interrupted(unit: Unit): CorellaError {
  return new CorellaError({
    code: "jobs/interrupted",
    message: "The work was interrupted.",
    place: `unit ${unit.id}`,
    remedy: "The same command goes on with what is missing.",
  });
}

/** @param text how its last attempt ended, and the last lines that it wrote */
export function unitFailed(id: string, text: string): CorellaError {
  return new CorellaError({
    code: "jobs/unit-failed",
    message: `Unit ${id} failed. ${text}`,
    place: `unit ${id}`,
    remedy: "Mend what it names; the same command then goes on with what is missing.",
  });
}
