import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { CorellaError } from "@corella/errors";
import { keptVariable } from "./run-units.ts";
import { isRetryable, type Programs, type Unit } from "./unit.ts";

/** Lines of a unit's output that are kept for its error. */
const keptLines = 20;

/** An ended unit gets so long to save what it has before it is killed. */
const graceMs = 10_000;

/** A process that gets no further unit for so long ends: what it has loaded takes memory. */
const idleMs = 10_000;

/** How an attempt ended; `text` says why it failed, with the last lines of its output. */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "again" | "failed"; readonly text: string };

/** Child processes that run units one after the other, and end with this one. */
export interface UnitProcesses {
  /**
   * Runs a unit once: in a process that has run one of the same program (see `runUnits`), or in a new one.
   * @param signal ends the process: SIGTERM, and after 10 s SIGKILL
   * @throws CorellaError `jobs/not-allowed`, `jobs/interrupted`
   */
  attempt(unit: Unit, signal?: AbortSignal): Promise<Outcome>;
  /** Ends the processes that have nothing to do. */
  close(): void;
}

interface UnitProcess {
  readonly child: ChildProcess;
  readonly program: string;
  /** The last ones that it wrote. */
  readonly lines: string[];
}

/** No process yet; each is started when it is needed. */
export function unitProcesses(programs: Programs): UnitProcesses {
  /** Those without a unit, each with the timer that ends it; the latest last. */
  const idle = new Map<UnitProcess, NodeJS.Timeout>();

  /** One that is idle; undefined where none is. */
  function take(program: string): UnitProcess | undefined {
    const kept = [...idle.keys()].findLast((each) => each.program === program);
    if (kept !== undefined) forget(kept);
    return kept;
  }

  function keep(used: UnitProcess): void {
    const end = (): void => {
      forget(used);
      endChild(used.child);
    };
    idle.set(used, setTimeout(end, idleMs).unref());
  }

  function forget(used: UnitProcess): void {
    clearTimeout(idle.get(used));
    idle.delete(used);
  }

  return {
    async attempt(unit, signal) {
      const { program, words } = commandOf(unit, programs);
      const isInterrupted = (): boolean => signal?.aborted === true;
      if (isInterrupted()) throw interrupted(unit);
      const kept = take(program);
      const used = kept ?? startProcess(program, [...programs[program]!, ...words]);
      if (kept === undefined) used.child.once("exit", () => forget(used));
      const { child, lines } = used;
      lines.length = 0;
      const end = (): void => endChild(child);
      signal?.addEventListener("abort", end, { once: true });
      try {
        const ending = ended(child);
        // Where it cannot be told, it is about to end.
        kept?.child.send(words, () => {});
        const how = await ending;
        if (how === "done") keep(used);
        if (how === "done" || how.code === 0) return { kind: "done" };
        if (isInterrupted()) throw interrupted(unit);
        const text = [`It ended with ${how.text}.`, ...lines].join("\n");
        return { kind: isRetryable(how.code) ? "again" : "failed", text };
      } finally {
        signal?.removeEventListener("abort", end);
      }
    },
    close() {
      for (const { child } of idle.keys()) endChild(child);
    },
  };
}

function commandOf(
  { id, command }: Unit,
  programs: Programs,
): { readonly program: string; readonly words: readonly string[] } {
  for (const length of [2, 1]) {
    const program = command.slice(0, length).join(" ");
    if (Object.hasOwn(programs, program)) return { program, words: command.slice(1) };
  }
  throw new CorellaError({
    code: "jobs/not-allowed",
    message: `A unit of work may run ${Object.keys(programs).join(" or ")}, and nothing else.`,
    place: `unit ${id}: ${command.slice(0, 2).join(" ")}`,
    remedy: "Use the same version of the programs on all machines.",
  });
}

function startProcess(program: string, programArguments: readonly string[]): UnitProcess {
  const child = spawn(process.execPath, programArguments, {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, [keptVariable]: "1" },
  });
  const lines: string[] = [];
  for (const stream of [child.stdout!, child.stderr!])
    createInterface(stream).on("line", (line) => {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
    });
  // Also after a unit, when nobody listens to the process.
  child.on("error", () => {});
  return { child, program, lines };
}

/** Resolves when a process has done a unit, or has ended and all its output is read. */
function ended(
  child: ChildProcess,
): Promise<"done" | { readonly code: number | null; readonly text: string }> {
  return new Promise((resolve) => {
    const listeners = {
      message: (told: unknown) => told === "done" && settle("done"),
      // Not started at all: too many processes, or no memory.
      error: (error: Error) => settle({ code: null, text: error.message }),
      close: (code: number | null, signal: string | null) =>
        settle({ code, text: signal ?? `exit code ${code}` }),
    };
    const settle = (how: Awaited<ReturnType<typeof ended>>): void => {
      for (const [event, listener] of Object.entries(listeners)) child.off(event, listener);
      resolve(how);
    };
    for (const [event, listener] of Object.entries(listeners)) child.on(event, listener);
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
