import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ExecuteTrial, TrialHooks, TrialRecord, TrialRun } from "@corella/alignment";
import { CorellaError } from "@corella/errors";
import type { TrialReply, TrialRequest } from "./messages.ts";

/** How trials are trained in processes of their own. */
export interface ProcessOptions {
  readonly baseFolder: string;
  readonly cacheFolder: string;
  /** Threads of each process; default: as the configuration says. */
  readonly threads?: number | undefined;
}

/** Trains each trial in a process of its own; processes are kept for the next trial until `stop`. */
export function createProcesses(options: ProcessOptions): { execute: ExecuteTrial; stop(): void } {
  const idle: ChildProcess[] = [];
  const all = new Set<ChildProcess>();
  return {
    async execute(run, hooks) {
      const child = idle.pop() ?? start(all);
      const record = await train(child, run, hooks, options);
      idle.push(child);
      return record;
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
  return child;
}

function train(
  child: ChildProcess,
  run: TrialRun,
  hooks: TrialHooks,
  options: ProcessOptions,
): Promise<TrialRecord> {
  const send = (request: TrialRequest): void => {
    if (child.connected) child.send(request);
  };
  return new Promise<TrialRecord>((resolve, reject) => {
    const abort = (): void => send({ kind: "abort" });
    const onExit = (code: number | null, signal: string | null): void =>
      settle(() =>
        reject(
          new CorellaError({
            code: "tune/trial-died",
            message: `The process of a trial ended with ${signal ?? `exit code ${code}`}.`,
            place: run.folder,
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
    const { baseFolder, cacheFolder } = options;
    const threads = options.threads ?? run.config.runtime.threads ?? 1;
    send({ kind: "run", ...run, baseFolder, cacheFolder, threads });
    if (hooks.signal?.aborted === true) abort();
  });
}
