import type { ExperimentListener, PlannedRun } from "@corella/alignment";
import { createMeter, duration } from "@corella/terminal";

/** What is to do and what was found, before anything is trained. */
export function planLines(planned: readonly PlannedRun[]): string[] {
  const unique = planned.filter(({ key }, at) => planned.findIndex((other) => other.key === key) === at);
  const toDo = unique.filter(({ found }) => found === undefined).length;
  return [
    `${unique.length} ${unique.length === 1 ? "run" : "runs"}: ${toDo} to do, ${unique.length - toDo} found`,
    ...unique.map(
      ({ variant, config, found, isOfOtherCode }) =>
        `  ${found === undefined ? "to do" : "found"}  ${variant.title}, seed ${config.seed}${isOfOtherCode ? " (made by other code)" : ""}`,
    ),
  ];
}

/** Run, phase, rate and time left: a bar in a terminal, a line now and then elsewhere. */
export function createProgress(stream: NodeJS.WriteStream): ExperimentListener & { stop(): void } {
  const meter = createMeter(stream);
  let phase = { steps: 0, startStep: 0, startedMs: 0, samplesPerStep: 0 };
  const details = (step: number): string => {
    const done = step - phase.startStep;
    const perStepMs = (performance.now() - phase.startedMs) / Math.max(done, 1);
    const perSecond = Math.round((phase.samplesPerStep * 1000) / perStepMs);
    return `${perSecond.toLocaleString("en")} samples/s  ${duration(perStepMs * (phase.steps - step))} left`;
  };
  const write = (text: string): void => {
    meter.stop();
    stream.write(`${text}\n`);
  };
  return {
    note: write,
    runStarted: ({ variant, config }, number, count) =>
      write(`Run ${number} of ${count}: ${variant.title}, seed ${config.seed}`),
    phaseFound: (title) => write(`  ${title}: found`),
    phaseStarted({ title, steps, step, samplesPerStep }) {
      write(step === 0 ? `  ${title}` : `  ${title}, from step ${step}`);
      phase = { steps, startStep: step, startedMs: performance.now(), samplesPerStep };
      meter.start(steps, step);
    },
    stepDone: (_, step) => meter.show(step, phase.steps, () => details(step)),
    phaseEnded: () => meter.stop(),
    stop: () => meter.stop(),
  };
}
