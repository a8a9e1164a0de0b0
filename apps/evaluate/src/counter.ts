import cliProgress from "cli-progress";

export interface Counter {
  start(total: number): void;
  add(done: number): void;
  stop(): void;
}

/** Time between two lines where there is no terminal. */
const lineEveryMs = 5000;

/** Samples done, rate and time left: a bar in a terminal, a line now and then elsewhere. */
export function createCounter(stream: NodeJS.WriteStream, title: string): Counter {
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: "  {bar} {value}/{total}  {details}",
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  );
  let total = 0;
  let done = 0;
  let startedMs = 0;
  let lastLineMs = 0;
  const details = (): string => {
    const perSecond = (done * 1000) / (performance.now() - startedMs);
    return `${Math.round(perSecond).toLocaleString("en")} samples/s  ${Math.round((total - done) / perSecond)} s left`;
  };
  return {
    start(count) {
      total = count;
      startedMs = lastLineMs = performance.now();
      stream.write(`${title}\n`);
      if (stream.isTTY) bar.start(count, 0, { details: "" });
    },
    add(count) {
      done += count;
      if (stream.isTTY) bar.update(done, { details: details() });
      else if (performance.now() - lastLineMs > lineEveryMs) {
        lastLineMs = performance.now();
        stream.write(`  ${done}/${total}  ${details()}\n`);
      }
    },
    stop() {
      if (stream.isTTY) bar.stop();
    },
  };
}
