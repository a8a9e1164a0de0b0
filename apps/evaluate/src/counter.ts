import { createMeter } from "@corella/terminal";

/** Shows how many samples of how many are done. */
export interface Counter {
  /** @param title what is counted */
  start(total: number, title: string): void;
  add(done: number): void;
  stop(): void;
}

/** Samples done, rate and time left: a bar in a terminal, a line now and then elsewhere. */
export function createCounter(stream: NodeJS.WriteStream): Counter {
  const meter = createMeter(stream);
  let total = 0;
  let done = 0;
  let startedMs = 0;
  const details = (): string => {
    const perSecond = (done * 1000) / (performance.now() - startedMs);
    return `${Math.round(perSecond).toLocaleString("en")} samples/s  ${Math.round((total - done) / perSecond)} s left`;
  };
  return {
    start(count, title) {
      total = count;
      done = 0;
      startedMs = performance.now();
      stream.write(`${title}\n`);
      meter.start(count);
    },
    add(count) {
      done += count;
      meter.show(done, total, details);
    },
    stop: () => meter.stop(),
  };
}
