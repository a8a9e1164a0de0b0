import type { TriedConfig, TuneListener } from "@corella/alignment";
import cliProgress from "cli-progress";
import { metric, settingsText, shortNames } from "./text.ts";

/** Time between two lines where there is no terminal. */
const lineEveryMs = 10_000;

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
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: "  {bar} {details}",
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
      stopOnComplete: false,
    },
    cliProgress.Presets.shades_classic,
  );
  const interactive = stream.isTTY;
  let names: ReadonlyMap<string, string> = new Map();
  let total = 0;
  let done = 0;
  let startedMs = 0;
  let samplesTrained = 0;
  let lastLineMs = 0;
  const running = new Map<number, Running>();
  let drawn = false;

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
      samplesTrained === 0 ? "" : `${duration(left / perSecond)} left at most`,
    ]
      .filter((part) => part !== "")
      .join("  ");
  };
  const redraw = (): void => {
    if (interactive) {
      if (!drawn) bar.start(Math.max(1, total), done, { details: "" });
      drawn = true;
      bar.update(done, { details: details() });
    } else if (performance.now() - lastLineMs > lineEveryMs) {
      lastLineMs = performance.now();
      stream.write(`  ${details()}\n`);
    }
  };
  const clear = (): void => {
    if (drawn) bar.stop();
    drawn = false;
  };
  const write = (line: string): void => {
    clear();
    stream.write(`${line}\n`);
  };
  const endedLine = (trial: number, { record, reused }: TriedConfig, settings: string): string => {
    const { best, status, seconds, test } = record;
    return [
      `#${trial + 1} ${status}${reused ? ", kept from before" : ` in ${duration(seconds)}`}`,
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
    stepDone(trial, step) {
      const state = running.get(trial);
      if (state === undefined) return;
      samplesTrained += (step - state.step) * state.samplesPerStep;
      state.step = step;
      redraw();
    },
    looked(trial, look) {
      const state = running.get(trial);
      if (state !== undefined && look.step > 0) state.score = look.score;
      redraw();
    },
    ended(trial, tried) {
      running.delete(trial);
      done += 1;
      write(endedLine(trial, tried, settingsText(tried, names)));
    },
    stop: clear,
  };
}

/** 75 s -> 1:15 */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
