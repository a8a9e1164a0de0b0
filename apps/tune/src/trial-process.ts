import { runTrial } from "@corella/alignment";
import { createRuntime } from "@corella/engine";
import { plainError } from "@corella/errors";
import type { TrialReply, TrialRequest } from "./messages.ts";
import { prepareOnce, runUnit } from "./run-unit.ts";

/** A process that trains one trial after the other, as it is told. */

/** Time between two signs of progress. */
const stepEveryMs = 200;

let abort = new AbortController();
let verdict: (goOn: boolean) => void = () => {};

function reply(message: TrialReply): void {
  process.send!(message);
}

async function replyOfUnit({ specFile }: Extract<TrialRequest, { kind: "unit" }>): Promise<void> {
  abort = new AbortController();
  try {
    const { signal } = abort;
    const waiting = (): void => reply({ kind: "waiting" });
    await runUnit(specFile, { signal, waiting });
    reply({ kind: "done" });
  } catch (error) {
    reply({ kind: "error", error: plainError(error, { code: "tune/defect", stack: true }) });
  }
}

async function run(request: Extract<TrialRequest, { kind: "run" }>): Promise<void> {
  abort = new AbortController();
  const { config, folder, test, baseFolder, cacheFolder, threads } = request;
  try {
    const data = await prepareOnce(config, baseFolder, cacheFolder);
    const runtime = await createRuntime({ ...config.runtime, threads });
    let lastMs = 0;
    const record = await runTrial({ config, folder, test }, data, runtime, {
      signal: abort.signal,
      waiting: () => reply({ kind: "waiting" }),
      started: ({ steps, step, samplesPerStep, validations }) =>
        reply({ kind: "started", steps, step, samplesPerStep, validations }),
      stepDone(step) {
        if (performance.now() - lastMs < stepEveryMs) return;
        lastMs = performance.now();
        reply({ kind: "step", step });
      },
      validated(result) {
        reply({ kind: "validation", result });
        return new Promise((resolve) => (verdict = resolve));
      },
    });
    reply({ kind: "done", record });
  } catch (error) {
    reply({ kind: "error", error: plainError(error, { code: "tune/defect", stack: true }) });
  }
}

function stop(): void {
  abort.abort();
  verdict(true); // whoever waits for one finds the signal aborted
}

process.on("message", (request: TrialRequest) => {
  if (request.kind === "run") void run(request);
  else if (request.kind === "unit") void replyOfUnit(request);
  else if (request.kind === "verdict") verdict(request.goOn);
  else stop();
});
// Ctrl-C reaches the whole group of processes; the command says what to do.
process.on("SIGINT", () => {});
process.on("SIGTERM", stop);
process.on("disconnect", () => process.exit());
