import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ExecuteTrial, RunUnit, TrialHooks, TrialRecord } from "@corella/alignment";
import { CorellaError } from "@corella/errors";
import type { TrialReply, TrialRequest } from "./messages.ts";

/** How trials are trained in processes of their own. */
export interface ProcessOptions {
  readonly baseFolder: string;
  readonly cacheFolder: string;
  /** Threads of each process; default: as the configuration says. */
  readonly threads?: number | undefined;
}

/** Attempts at a unit whose process dies. */
const attempts = 3;

/**
 * Trains each trial in a process of its own; processes are kept, with their code and data, for the next trial until `stop`. A unit
 * whose process dies is attempted again, a trial that is watched is not.
 */
export function createProcesses(options: ProcessOptions): {
  execute: ExecuteTrial;
  runUnit: RunUnit;
  stop(): void;
} {
  const idle: ChildProcess[] = [];
  const all = new Set<ChildProcess>();
  /** One that has ended meanwhile, for example for want of memory, would never answer. */
  const take = (): ChildProcess => {
    for (let child = idle.pop(); child !== undefined; child = idle.pop()) if (all.has(child)) return child;
    return start(all);
  };
  return {
    async execute(run, hooks) {
      const { baseFolder, cacheFolder } = options;
      const threads = options.threads ?? run.config.runtime.threads ?? 1;
      const request = { kind: "run", ...run, baseFolder, cacheFolder, threads } as const;
      const child = take();
      const record = await converse(child, request, hooks, run.folder);
      idle.push(child);
      return record!;
    },
    async runUnit({ id, specFile }, { signal }) {
      for (let attempt = 1; ; attempt++) {
        const child = take();
        try {
          await converse(child, { kind: "unit", specFile }, { signal }, id);
          idle.push(child);
          return;
        } catch (error) {
          const died = CorellaError.isInstance(error) && error.code === "tune/trial-died";
          if (!died || attempt === attempts || signal.aborted) throw error;
        }
      }
    },
    stop() {
      for (const child of all) if (child.connected) child.disconnect();
    },
  };
}

function start(all: Set<ChildProcess>): ChildProcess {
  const child = fork(fileURLToPath(new URL("./trial-process.ts", import.meta.url)), {
    serialization: "advanced",
  });
  all.add(child);
  child.on("exit", () => all.delete(child));
  // Not started at all, or gone before it was told something: its end is told by itself.
  child.on("error", () => {});
  return child;
}

/** Asks a process to train, and answers it until it has. @param place of the trial, for errors */
function converse(
  child: ChildProcess,
  request: TrialRequest,
  hooks: TrialHooks,
  place: string,
): Promise<TrialRecord | undefined> {
  const send = (message: TrialRequest): void => {
    if (child.connected) child.send(message);
  };
  return new Promise<TrialRecord | undefined>((resolve, reject) => {
    const abort = (): void => send({ kind: "abort" });
    const onExit = (code: number | null, signal: string | null): void =>
      settle(() =>
        reject(
          new CorellaError({
            code: "tune/trial-died",
            message: `The process of a trial ended with ${signal ?? `exit code ${code}`}.`,
            place,
            remedy:
              "Look above for what it printed; out of memory, lower --parallel. The same command goes on.",
          }),
        ),
      );
    const onMessage = (reply: TrialReply): void => {
      switch (reply.kind) {
        case "started":
          return hooks.started?.(reply);
        case "waiting":
          return hooks.waiting?.();
        case "step":
          return hooks.stepDone?.(reply.step);
        case "validation":
          return void Promise.resolve(hooks.validated?.(reply.result) ?? true).then((goOn) =>
            send({ kind: "verdict", goOn }),
          );
        case "done":
          return settle(() => resolve(reply.record));
        case "error":
          return settle(() => reject(new CorellaError(reply.error)));
      }
    };
    const settle = (outcome: () => void): void => {
      child.off("message", onMessage);
      child.off("exit", onExit);
      hooks.signal?.removeEventListener("abort", abort);
      outcome();
    };
    child.on("message", onMessage);
    child.on("exit", onExit);
    hooks.signal?.addEventListener("abort", abort);
    send(request);
    if (hooks.signal?.aborted === true) abort();
  });
}
