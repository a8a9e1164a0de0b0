import type { TriedConfig, TuneListener } from "@corella/alignment";
import { createMeter, duration } from "@corella/terminal";
import { metric, settingsText, shortNames } from "./text.ts";

interface Running {
  readonly steps: number;
  readonly samplesPerStep: number;
  step: number;
  score: number | undefined;
}

/**
 * Trials done and running, samples a second and time left: a bar in a terminal, a line now and then elsewhere, and a line
 * for each trial that has ended. Time left is what it takes when no further trial stops early.
 */
export function createProgress(stream: NodeJS.WriteStream): TuneListener & { stop(): void } {
  const meter = createMeter(stream, { counts: false, lineEveryMs: 10_000 });
  let names: ReadonlyMap<string, string> = new Map();
  let total = 0;
  let done = 0;
  let startedMs = 0;
  let samplesTrained = 0;
  const running = new Map<number, Running>();

  const details = (): string => {
    const seconds = (performance.now() - startedMs) / 1000;
    const each = [...running].map(
      ([trial, { step, steps, score }]) =>
        `#${trial + 1} ${Math.round((100 * step) / steps)} %${score === undefined ? "" : ` AUC ${metric(score)}`}`,
    );
    const perSecond = samplesTrained / seconds;
    const remaining = [...running.values()].map(
      ({ step, steps, samplesPerStep }) => (steps - step) * samplesPerStep,
    );
    const longest = Math.max(
      0,
      ...[...running.values()].map(({ steps, samplesPerStep }) => steps * samplesPerStep),
    );
    const left =
      remaining.reduce((sum, samples) => sum + samples, 0) + (total - done - running.size) * longest;
    return [
      `${done}/${total} trials`,
      ...each,
      samplesTrained === 0 ? "" : `${Math.round(perSecond).toLocaleString("en")} samples/s`,
      samplesTrained === 0 ? "" : `${duration((1000 * left) / perSecond)} left at most`,
    ]
      .filter((part) => part !== "")
      .join("  ");
  };
  const redraw = (): void => meter.show(done, Math.max(1, total), details);
  const write = (line: string): void => {
    meter.stop();
    stream.write(`${line}\n`);
  };
  const endedLine = (trial: number, { record, reused }: TriedConfig, settings: string): string => {
    const { best, status, seconds, test } = record;
    return [
      `#${trial + 1} ${status}${reused ? ", kept from before" : ` in ${duration(1000 * seconds)}`}`,
      `AUC ${metric(best?.score)}`,
      ...(test === undefined ? [] : [`test AUC ${metric(test.auc)}`]),
      settings,
    ]
      .filter((part) => part !== "")
      .join("  ");
  };

  return {
    planned(part, trials) {
      names = shortNames(trials);
      total = trials.length;
      done = samplesTrained = 0;
      startedMs = performance.now();
      write(
        part === "search"
          ? `${total} ${total === 1 ? "configuration" : "configurations"}, judged on the validation part`
          : `The best with ${total} ${total === 1 ? "seed" : "seeds"}`,
      );
    },
    started(trial, { steps, step, samplesPerStep }) {
      running.set(trial, { steps, samplesPerStep, step, score: undefined });
      redraw();
    },
    waiting: (trial) => write(`#${trial + 1} is trained by another search; waiting for it`),
    stepDone(trial, step) {
      const state = running.get(trial);
      if (state === undefined) return;
      samplesTrained += (step - state.step) * state.samplesPerStep;
      state.step = step;
      redraw();
    },
    validated(trial, result) {
      const state = running.get(trial);
      if (state !== undefined && result.step > 0) state.score = result.score;
      redraw();
    },
    ended(trial, tried) {
      running.delete(trial);
      done += 1;
      write(endedLine(trial, tried, settingsText(tried, names)));
    },
    stop: () => meter.stop(),
  };
}
