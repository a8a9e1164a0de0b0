import type { ProgressListener } from "@corella/engine";
import { createMeter, duration } from "@corella/terminal";

interface Running {
  readonly title: string;
  readonly steps: number;
  readonly samplesPerStep: number;
  readonly startedAtMs: number;
  readonly startStep: number;
  loss: number;
  score: number | undefined;
}

/** Shows phase, step, loss, rate and time left: a bar in a terminal, a line now and then elsewhere. */
export function createProgress(stream: NodeJS.WriteStream): ProgressListener & { stop(): void } {
  const meter = createMeter(stream);
  let running: Running | undefined;

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
    meter.stop();
    running = undefined;
  };

  return {
    note(text) {
      meter.stop(); // a bar comes again with the next step
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
      meter.start(steps, step);
    },
    stepDone(_, step, loss) {
      if (running === undefined) return;
      // A running mean is easier to read than the loss of one batch.
      running.loss = Number.isFinite(running.loss) ? 0.95 * running.loss + 0.05 * loss : loss;
      const state = running;
      meter.show(step, state.steps, () => details(state, step));
    },
    validated(_, result) {
      if (running !== undefined) running.score = result.score;
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
