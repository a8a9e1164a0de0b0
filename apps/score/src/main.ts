import {
  finish,
  makePlan,
  missingShards,
  readPlan,
  savePlan,
  shardRunner,
  type Manifest,
  type Plan,
  type ShardRunner,
} from "@corella/batch";
import { newestBundle } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import { bullmq, localProcesses, runUnits, temporaryFailure, type Engine } from "@corella/jobs";
import { cpuQuota } from "@corella/serving";
import { createMeter, duration, listenForInterruption, runMain } from "@corella/terminal";
import { Command, InvalidArgumentError, Option } from "commander";

interface PlanCommand {
  readonly bundle?: string;
  readonly runs: string;
  readonly input?: string[];
  readonly output?: string;
  readonly user?: string;
  readonly item?: string;
  readonly time?: string;
  readonly now?: number;
  readonly llm: Plan["llm"];
  readonly malformed: Plan["malformed"];
  readonly threads: number;
  readonly shardRows?: number;
}

interface PlaceCommand {
  readonly parallel: number;
  readonly workers?: string;
  readonly queue?: string;
}

function count(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It is a positive whole number.");
}

function index(value: string): number {
  const number = Number(value);
  if (value !== "" && Number.isInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError("It is a whole number from 0 on.");
}

function seconds(value: string): number {
  const number = /^[\d.]+$/.test(value) ? Number(value) : Date.parse(value) / 1000;
  if (Number.isFinite(number)) return number;
  throw new InvalidArgumentError(
    "It is a number of seconds since 1970, or a date such as 2026-12-01T00:00Z.",
  );
}

/** What decides what is scored, and with what. */
function withPlanOptions(command: Command): Command {
  return command
    .option("--bundle <folder>", "bundle; default: the newest under --runs")
    .option("--runs <folder>", "where runs lie", "runs")
    .option(
      "--input <file>",
      "Parquet or CSV with the columns item, and where there are user and time (seconds); may be repeated",
      (value, all: string[] | undefined) => [...(all ?? []), value],
    )
    .option("--output <place>", "a folder or s3://bucket/prefix, of one plan")
    .option("--user <column>", "where it is not called user")
    .option("--item <column>", "where it is not called item")
    .option("--time <column>", "where it is not called time")
    .option("--now <time>", "of rows without a time; default: that of the bundle's last event", seconds)
    .addOption(
      new Option("--llm <when>", "who answers: the bundle's router chooses, the CRM alone, or the LLM all")
        .choices(["auto", "never", "always"])
        .default("auto"),
    )
    .addOption(
      new Option("--malformed <what>", "rows that cannot be asked: an error, or written without an answer")
        .choices(["error", "null"])
        .default("error"),
    )
    .option("--threads <count>", "of each model in each process; another count may round otherwise", count, 1)
    .option("--shard-rows <count>", "rows a part; default: 100000, or 10000 where an LLM answers", count);
}

const command = withPlanOptions(new Command("score"))
  .description(
    "Scores files of rows with a bundle, to Parquet: plans, runs every shard in processes here or on workers, verifies and finishes. The same command goes on where it was interrupted.",
  )
  .option("--parallel <count>", "processes at once here", count, Math.max(1, Math.floor(cpuQuota())))
  .option("--workers <url>", "put the shards on a Redis queue for pnpm worker: redis://host:6379")
  .option("--queue <name>", "the queue's name; default: corella")
  .enablePositionalOptions()
  .showHelpAfterError()
  .action((options: PlanCommand & PlaceCommand) => interruptible((signal) => scoreAll(options, signal)));

withPlanOptions(command.command("plan"))
  .description(
    "Writes plan.json into the output: inputs with hashes, ranges of rows, the bundle's version. Prints the number of shards.",
  )
  .showHelpAfterError()
  .action(async (options: PlanCommand) => {
    const plan = await planned(options);
    process.stdout.write(`${plan.shards.length}\n`);
  });

command
  .command("run")
  .description(
    "Scores one shard of a plan; nothing where its part is there. Ends with 75 where another try may succeed.",
  )
  .requiredOption("--plan <place>", "the output that holds plan.json")
  .addOption(
    new Option("--shard <number>", "from 0; default: that of the job's array")
      .env(process.env["SLURM_ARRAY_TASK_ID"] === undefined ? "JOB_COMPLETION_INDEX" : "SLURM_ARRAY_TASK_ID")
      .argParser(index)
      .makeOptionMandatory(),
  )
  .showHelpAfterError()
  .action(({ plan, shard }: { readonly plan: string; readonly shard: number }) =>
    interruptible(async (signal) => {
      const meter = createMeter(process.stderr);
      const show = progress(meter, performance.now());
      const runner = await runnerOf(await readPlan(plan));
      const { rows, sha256 } = await runner.run(shard, { onRows: show, signal }).finally(() => meter.stop());
      process.stdout.write(`shard ${shard}: ${rows} rows, SHA-256 ${sha256}\n`);
    }),
  );

command
  .command("finish")
  .description(
    "Verifies all parts and writes summary.html and, last, manifest.json, which readers trust alone.",
  )
  .requiredOption("--plan <place>", "the output that holds plan.json")
  .showHelpAfterError()
  .action(async ({ plan }: { readonly plan: string }) => tell(await finished(await readPlan(plan))));

/** Of the plan whose shard was the last: an engine gives this process one shard after the other. */
let kept: { readonly hash: string; readonly runner: ShardRunner } | undefined;

async function runnerOf(plan: Plan): Promise<ShardRunner> {
  if (kept?.hash !== plan.hash) {
    await kept?.runner.close();
    kept = { hash: plan.hash, runner: shardRunner(plan) };
  }
  return kept.runner;
}

async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interruption = listenForInterruption(process.stderr);
  try {
    await work(interruption.signal);
  } finally {
    interruption.stop();
  }
}

/** @throws CorellaError `score/what` without an input or an output */
async function planned({ bundle, runs, user, item, time, ...rest }: PlanCommand): Promise<Plan> {
  const { input, output } = rest;
  // Not mandatory for commander, which would ask a subcommand for them too.
  if (input === undefined || output === undefined)
    throw new CorellaError({
      code: "score/what",
      message: "It is not told what to score, or where to.",
      place: "the command line",
      remedy: "Name a file with --input and a new folder with --output.",
    });
  const columns = {
    ...(user !== undefined && { user }),
    ...(item !== undefined && { item }),
    ...(time !== undefined && { time }),
  };
  const folder = bundle ?? (await newestBundle(runs));
  process.stderr.write(`Bundle ${folder}\nReading ${input.join(", ")}\n`);
  const plan = await makePlan({ ...rest, output, columns, inputs: input, bundle: folder, onUnread });
  await savePlan(plan);
  return plan;
}

function onUnread(columns: readonly string[], path: string): void {
  const shown = columns.slice(0, 10).join(", ");
  const more = columns.length > 10 ? ` and ${columns.length - 10} more` : "";
  process.stderr.write(`Columns of ${path} that are not read: ${shown}${more}\n`);
}

async function scoreAll(options: PlanCommand & PlaceCommand, signal: AbortSignal): Promise<void> {
  const plan = await planned(options);
  const missing = await missingShards(plan);
  const total = plan.inputs.reduce((sum, { rows }) => sum + rows, 0);
  let done = total - missing.reduce((sum, shard) => sum + plan.shards[shard]!.rows, 0);
  if (done > 0) process.stderr.write(`${done} of ${total} rows are there from before\n`);
  if (missing.length > 0) {
    const engine = await openEngine(options);
    const meter = createMeter(process.stderr);
    const abort = new AbortController();
    const either = AbortSignal.any([signal, abort.signal]);
    const show = progress(meter, performance.now(), done);
    meter.start(total, done);
    const run = async (shard: number): Promise<void> => {
      const id = `${plan.hash.slice(0, 12)}-${shard}`;
      await engine.run(
        { id, command: ["score", "run", "--plan", plan.output, "--shard", String(shard)] },
        { signal: either },
      );
      done += plan.shards[shard]!.rows;
      show(done, total);
    };
    try {
      // The first one that fails ends all; what it says is told, not that the others were ended.
      await Promise.all(missing.map(run));
    } finally {
      abort.abort();
      meter.stop();
      await engine.close();
    }
  }
  tell(await finished(plan), plan);
}

async function openEngine({ workers, queue, parallel }: PlaceCommand): Promise<Engine> {
  if (workers === undefined) {
    const own = [...process.execArgv, process.argv[1]!];
    return localProcesses({ slots: parallel, programs: { "score run": own } });
  }
  return bullmq({
    url: workers,
    queue,
    onNoWorker: () => process.stderr.write("No worker listens: start some with pnpm worker --redis …\n"),
  });
}

/** Shows rows done, rate and time left. @param before rows that were there at the start */
function progress(
  meter: ReturnType<typeof createMeter>,
  startMs: number,
  before = 0,
): (done: number, total: number) => void {
  return (done, total) =>
    meter.show(done, total, () => {
      const rate = (done - before) / ((performance.now() - startMs) / 1000);
      return `rows  ${Math.round(rate)} rows/s  ${duration((1000 * (total - done)) / rate)} left`;
    });
}

async function finished(plan: Plan): Promise<Manifest> {
  const meter = createMeter(process.stderr);
  try {
    return await finish(plan, { onPart: (done, total) => meter.show(done, total, () => "parts verified") });
  } finally {
    meter.stop();
  }
}

function tell({ summary, parts }: Manifest, plan?: Plan): void {
  const { rows, malformed, mean, byLlm, drift } = summary;
  const answered = Math.max(rows - malformed, 1);
  const lines = [
    `${rows} rows in ${parts.length} parts, mean probability ${mean.toFixed(4)}, ${((100 * byLlm) / answered).toFixed(1)} % by the LLM`,
    ...(malformed === 0 ? [] : [`${malformed} rows without an answer: the column reason says why`]),
    ...(drift === undefined ? [] : [`PSI to the validation part ${drift.psi.toFixed(3)}`]),
    ...(plan === undefined ? [] : [`Output: ${plan.output}/manifest.json, summary.html`]),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

await runUnits(process.argv.slice(2), async (words) => {
  let isTemporary = false;
  await runMain(
    () =>
      command.parseAsync(words, { from: "user" }).catch((error: unknown) => {
        isTemporary = CorellaError.isInstance(error) && error.code === "batch/s3-unreachable";
        throw error;
      }),
    {
      "batch/malformed":
        "Mend the file, or plan with --malformed null: such rows are then written without an answer.",
    },
  );
  if (isTemporary) process.exitCode = temporaryFailure;
});
