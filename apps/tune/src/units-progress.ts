import type { Decision, RungEnds, TriedConfig, UnitsListener } from "@corella/alignment";
import { createMeter, duration } from "@corella/terminal";
import { epochsText, rungsSentence } from "./rungs-text.ts";
import { metric, settingsText, shortNames } from "./text.ts";

/**
 * Shows a search in units: a line for each trial that has reached the end of a rung, and a bar, or a line now and then, with what
 * runs and about how long it takes if as many are promoted as the factor says.
 * @param factor one of so many goes on
 */
export function createUnitsProgress(
  stream: NodeJS.WriteStream,
  factor: number | undefined,
): UnitsListener & { stop(): void; note(text: string): void } {
  const meter = createMeter(stream, { counts: false, lineEveryMs: 10_000 });
  let names: ReadonlyMap<string, string> = new Map();
  let work = createWork([], [null], factor);
  let startedMs = 0;
  const running = new Map<number, string>();
  const write = (line: string): void => {
    meter.stop();
    stream.write(`${line}\n`);
  };
  const details = (): string => {
    const { reached, trials, done, all } = work.state();
    const rate = work.trained() / (performance.now() - startedMs);
    const left = work.trained() === 0 ? "" : `about ${duration((all - done) / rate)} left`;
    const each = [...running].map(([trial, where]) => `#${trial + 1}${where}`).join(" ");
    return [`${reached}/${trials} trials`, each === "" ? "" : `running ${each}`, left]
      .filter((part) => part !== "")
      .join("  ");
  };
  const redraw = (): void => {
    const { done, all } = work.state();
    meter.show(done, Math.max(all, 1e-9), details);
  };
  return {
    planned(part, trials) {
      names = shortNames(trials);
      running.clear();
      startedMs = performance.now();
      const epochs = trials.map(({ config }) => config.stages.warmUp.epochs);
      work = createWork(epochs, [null], undefined);
      const count = trials.length;
      write(
        part === "search"
          ? `${count} ${count === 1 ? "configuration" : "configurations"}, judged on the validation part`
          : `The best with ${count} ${count === 1 ? "seed" : "seeds"}`,
      );
    },
    rungs(kind, ends) {
      write(rungsSentence(kind, ends, factor));
      work = work.inRungs(ends, factor);
    },
    placed(trial, decision) {
      if (decision?.why === "promoted") write(promotedLine(decision));
      if (decision?.carried === true) work.reach(trial, decision.rung, true);
      else
        running.set(trial, decision === undefined || decision.rung === 0 ? "" : ` rung ${decision.rung + 1}`);
      redraw();
    },
    ended(trial, tried) {
      running.delete(trial);
      work.reach(trial, tried.rung ?? 0, tried.reused);
      write(endedLine(trial, tried, settingsText(tried, names)));
      redraw();
    },
    note: write,
    stop: () => meter.stop(),
  };
}

function promotedLine({ trial, rung, carried }: Decision): string {
  return `#${trial + 1} is promoted to rung ${rung + 1}${carried ? ", where it has ended already" : ""}`;
}

function endedLine(
  trial: number,
  { record, rung, reused, cpuSeconds }: TriedConfig,
  settings: string,
): string {
  const { best, status, test, steps, stepsPerEpoch } = record;
  const after = stepsPerEpoch === 0 ? "" : ` after ${epochsText(steps / stepsPerEpoch)}`;
  return [
    `#${trial + 1} ${status}${after}${rung === undefined ? "" : `, rung ${rung + 1}`}${reused ? ", kept from before" : ""}`,
    `AUC ${metric(best?.score)}`,
    ...(test === undefined ? [] : [`test AUC ${metric(test.auc)}`]),
    ...(cpuSeconds === undefined ? [] : [`CPU ${duration(1000 * cpuSeconds)}`]),
    settings,
  ]
    .filter((part) => part !== "")
    .join("  ");
}

interface Work {
  /** Trials that have reached a rung's end, all trials, and epochs that are trained and expected. */
  state(): { readonly reached: number; readonly trials: number; readonly done: number; readonly all: number };
  /** Epochs that were trained since the start. */
  trained(): number;
  reach(trial: number, rung: number, reused: boolean): void;
  inRungs(ends: RungEnds, factor: number | undefined): Work;
}

/** Counts the epochs of a search: those that are trained, and those that are to come. */
function createWork(epochs: readonly number[], ends: RungEnds, factor: number | undefined): Work {
  const reachedBy: Set<number>[] = ends.map(() => new Set());
  const longest = Math.max(0, ...epochs);
  const length = (rung: number): number =>
    (ends[rung] ?? longest) - (rung === 0 ? 0 : (ends[rung - 1] ?? longest));
  let trained = 0;
  return {
    state() {
      let [done, all, expected] = [0, 0, epochs.length];
      for (const [rung, { size }] of reachedBy.entries()) {
        expected = rung === 0 ? expected : Math.max(size, Math.floor(expected / (factor ?? 1)));
        done += size * length(rung);
        all += expected * length(rung);
      }
      return { reached: reachedBy[0]!.size, trials: epochs.length, done, all };
    },
    trained: () => trained,
    reach(trial, rung, reused) {
      for (let below = 0; below <= rung; below++) {
        if (reachedBy[below]!.has(trial)) continue;
        reachedBy[below]!.add(trial);
        if (!reused) trained += length(below);
      }
    },
    inRungs: (newEnds, newFactor) => createWork(epochs, newEnds, newFactor),
  };
}
