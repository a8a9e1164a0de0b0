import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defaultQueue, work, type Programs } from "@corella/jobs";
import { listenForInterruption, runMain } from "@corella/terminal";
import { Command, InvalidArgumentError } from "commander";

/** All that a worker runs, whatever stands in a queue. */
const programs: Programs = {
  "score run": program(new URL("../../score/src/main.ts", import.meta.url)),
  "tune trial": program(new URL("../../tune/src/main.ts", import.meta.url)),
};

function program(file: URL): string[] {
  return [...process.execArgv, fileURLToPath(file)];
}

const command = new Command("worker")
  .description(
    "Takes shards of batch scoring and trials of a search from a Redis queue, on as many machines as there are, and runs each in a child process. Bundles, data and outputs must lie under the same paths as where the work was put on the queue.",
  )
  .requiredOption("--redis <url>", "redis://host:6379/0, rediss:// or redis:///path/of/a.sock")
  .option("--queue <name>", "the queue's name", defaultQueue)
  .option("--slots <count>", "processes at once", count, availableParallelism())
  .option("--lock <seconds>", "a worker that was silent for so long counts as dead", count, 30)
  .showHelpAfterError()
  .action(run);

function count(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It is a positive whole number.");
}

interface Options {
  readonly redis: string;
  readonly queue: string;
  readonly slots: number;
  readonly lock: number;
}

async function run({ redis, queue, slots, lock }: Options): Promise<void> {
  const interruption = listenForInterruption(process.stderr);
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say(`Waiting for work on the queue ${queue}, ${slots} at once`);
  await work({
    url: redis,
    queue,
    slots,
    programs,
    signal: interruption.signal,
    lockMs: 1000 * lock,
    listener: {
      started: ({ id }) => say(`${id}: begun`),
      ended: ({ id }, seconds, text) =>
        say(
          `${id}: ${text === undefined ? "done" : "failed"} after ${seconds.toFixed(1)} s${text === undefined ? "" : `. ${text}`}`,
        ),
      error: ({ message }) => say(`The queue: ${message}`),
    },
  });
  interruption.stop();
}

await runMain(() => command.parseAsync());
