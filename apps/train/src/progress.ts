import type { ProgressListener } from "@corella/engine";
import cliProgress from "cli-progress";

interface Running {
  readonly title: string;
  readonly steps: number;
  readonly samplesPerStep: number;
  readonly startedAtMs: number;
  readonly startStep: number;
  loss: number;
  score: number | undefined;
}

/** Time between two lines where there is no terminal. */
const lineEveryMs = 5000;

/** Shows phase, step, loss, rate and time left: a bar in a terminal, a line now and then elsewhere. */
export function createProgress(stream: NodeJS.WriteStream): ProgressListener & { stop(): void } {
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: "  {bar} {value}/{total}  {details}",
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
      stopOnComplete: false,
    },
    cliProgress.Presets.shades_classic,
  );
  const interactive = stream.isTTY;
  let running: Running | undefined;
  let lastLineMs = 0;

  const details = (state: Running, step: number): string => {
    const elapsedMs = performance.now() - state.startedAtMs;
    const done = step - state.startStep;
    const perStepMs = done === 0 ? 0 : elapsedMs / done;
    return [
      Number.isFinite(state.loss) ? `loss ${state.loss.toFixed(4)}` : "",
      state.score === undefined ? "" : `AUC ${state.score.toFixed(4)}`,
      done === 0
        ? ""
        : `${Math.round((state.samplesPerStep * 1000) / perStepMs).toLocaleString("en")} samples/s`,
      done === 0 ? "" : `${duration(perStepMs * (state.steps - step))} left`,
    ]
      .filter((part) => part !== "")
      .join("  ");
  };
  const close = (): void => {
    if (interactive && running !== undefined) bar.stop();
    running = undefined;
  };

  return {
    note(text) {
      stream.write(`${text}\n`);
    },
    phaseStarted({ title, steps, step, samplesPerStep }) {
      close();
      stream.write(step === 0 ? `${title}\n` : `${title}, from step ${step}\n`);
      running = {
        title,
        steps,
        samplesPerStep,
        startedAtMs: performance.now(),
        startStep: step,
        loss: Number.NaN,
        score: undefined,
      };
      lastLineMs = performance.now();
      if (interactive) bar.start(steps, step, { details: "" });
    },
    stepDone(_, step, loss) {
      if (running === undefined) return;
      // A running mean is easier to read than the loss of one batch.
      running.loss = Number.isFinite(running.loss) ? 0.95 * running.loss + 0.05 * loss : loss;
      if (interactive) {
        bar.update(step, { details: details(running, step) });
      } else if (performance.now() - lastLineMs > lineEveryMs) {
        lastLineMs = performance.now();
        stream.write(`  ${step}/${running.steps}  ${details(running, step)}\n`);
      }
    },
    validated(_, look) {
      if (running !== undefined) running.score = look.score;
    },
    phaseEnded(result) {
      const took = running === undefined ? "" : ` in ${duration(performance.now() - running.startedAtMs)}`;
      const best = result.best === undefined ? "" : `, best validation AUC ${result.best.score.toFixed(4)}`;
      close();
      const loss = result.losses.at(-1)?.[1];
      stream.write(`  ${result.steps} steps${took}, loss ${loss?.toFixed(4) ?? "-"}${best}\n`);
    },
    stop: close,
  };
}

/** 75,000 ms -> 1:15 */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
