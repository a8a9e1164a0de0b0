import cliProgress from "cli-progress";

/** How far a long work has come: a bar in a terminal, a line now and then elsewhere. */
export interface Meter {
  /** Draws an empty bar, and counts the time to the first line from now. */
  start(total: number, done?: number): void;
  /** Draws the bar again, also where `start` or `stop` came before; writes a line when it is time. */
  show(done: number, total: number, details: () => string): void;
  /** Takes the bar away. */
  stop(): void;
}

/** The bars that stand on streams at this moment; drawn again at the next sign of progress. */
const drawnOn = new WeakMap<NodeJS.WritableStream, Set<() => void>>();

/** Takes all bars away from a stream, so that a line can be written there; they are drawn again at the next sign of progress. */
export function clearMeters(stream: NodeJS.WritableStream): void {
  for (const clear of drawnOn.get(stream) ?? []) clear();
}

/**
 * A meter that draws on a stream.
 * @param options.counts whether `done/total` stands before the details; default true
 * @param options.lineEveryMs time between two lines where there is no terminal; default 5,000
 */
export function createMeter(
  stream: NodeJS.WriteStream,
  options: { readonly counts?: boolean; readonly lineEveryMs?: number } = {},
): Meter {
  const { counts = true, lineEveryMs = 5000 } = options;
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: `  {bar} ${counts ? "{value}/{total}  " : ""}{details}`,
      barsize: 24,
      // A process that is killed could not show it again.
      hideCursor: false,
      clearOnComplete: true,
      linewrap: false,
      // Who interrupts is told by `listenForInterruption`; a handler of its own would swallow the first Ctrl-C.
      gracefulExit: false,
      stopOnComplete: false,
    },
    cliProgress.Presets.shades_classic,
  );
  let drawn = false;
  let lastLineMs = 0;
  const clear = (): void => {
    if (drawn) bar.stop();
    drawn = false;
    drawnOn.get(stream)?.delete(clear);
  };
  const draw = (total: number, done: number): void => {
    if (drawn) return;
    bar.start(total, done, { details: "" });
    drawn = true;
    if (!drawnOn.has(stream)) drawnOn.set(stream, new Set());
    drawnOn.get(stream)!.add(clear);
  };
  return {
    start(total, done = 0) {
      lastLineMs = performance.now();
      if (stream.isTTY) draw(total, done);
    },
    show(done, total, details) {
      if (stream.isTTY) {
        draw(total, done);
        bar.update(done, { details: details() });
      } else if (performance.now() - lastLineMs > lineEveryMs) {
        lastLineMs = performance.now();
        stream.write(`  ${counts ? `${done}/${total}  ` : ""}${details()}\n`);
      }
    },
    stop: clear,
  };
}
