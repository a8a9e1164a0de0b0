import { join } from "node:path";
import { experimentNames, type ExperimentName } from "@corella/alignment";
import { runtimeKinds } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { runMain } from "@corella/terminal";
import { Command, InvalidArgumentError, Option } from "commander";
import { scoreBundle, type ScoreBundleOptions } from "./score-bundle.ts";
import { scoreInstructions } from "./score-instructions.ts";
import { runTables } from "./tables/run-tables.ts";

interface Options extends ScoreBundleOptions {
  readonly table?: ExperimentName | "all";
  readonly set: string[];
  readonly setGrid: string[];
  readonly seeds?: number;
  readonly models?: string[];
  readonly sizes?: number[];
  readonly shots?: number[];
  readonly instructions?: string;
  readonly experiments?: string;
}

const command = new Command("evaluate")
  .description(
    "Scores a part of the data with a bundle: AUC, logloss and accuracy with intervals, by confidence, with pictures. With --table: the paper's tables of a configuration, over several seeds.",
  )
  .option("--bundle <folder>", "bundle; default: the newest under --runs")
  .option(
    "--config <file>",
    "whose data is scored; default: the bundle's own configuration. With --table: of the runs; default: configs/movietweetings.yaml",
  )
  .option("--split <part>", "train, validation or test", part, "test")
  .option(
    "--rows <count>",
    "only so many rows, at random; with --table: of whole users, where an LLM answers",
    count,
  )
  .option(
    "--predictions <file>",
    "gets what each model says of each row, as .csv or .parquet: user, item, time, rating, label, and a column a model",
  )
  .option(
    "--instructions <file>",
    "a JSON list of instruction, input and output, as TALLRec publishes its test sets: its records are scored in place of the data, by the bundle's LLM",
  )
  .addOption(
    new Option(
      "--scoring <how>",
      "how the LLM's two answers become a probability; default: as the bundle says",
    ).choices(["twoWay", "doubleSoftmax"]),
  )
  .option("--seed <number>", "of the rows and the intervals", count, 1)
  .addOption(
    new Option("--intervals <what>", "what intervals draw: whole users, or single rows")
      .choices(["users", "rows"])
      .default("users"),
  )
  .addOption(
    new Option("--runtime <kind>", "what computes the models").choices(runtimeKinds).default("onnxruntime"),
  )
  .option("--threads <count>", "threads of each model", count, 2)
  .option("--execution-providers <names>", "of onnxruntime, in order: cuda,webgpu,cpu; default: cpu")
  .option(
    "--table <name>",
    "trains what a table of the paper's section 4 needs, in place of scoring a bundle: 1, 2, figure1, budget, segments, parts or all",
    table,
  )
  .option(
    "--set <path.to.key=value>",
    "with --table: change a setting of the configuration; may be repeated",
    (value, all: string[]) => [...all, value],
    [],
  )
  .option(
    "--set-grid <path.to.key=values>",
    "with --table: train with each of these values, as in stages.joint.samples=[2000,8000], and go on with the best by validation logloss; may be repeated",
    (value, all: string[]) => [...all, value],
    [],
  )
  .option("--seeds <count>", "with --table: so many seeds, from the configuration's on; default: 3", count)
  .option(
    "--models <names>",
    "with --table 1: further CRMs beside the configuration's, such as FM,DeepFM",
    list,
  )
  .option(
    "--sizes <counts>",
    "with --table figure1: training samples of the LLM; default: a quarter of stages.llmAlone.samples, and all",
    counts,
  )
  .option(
    "--shots <counts>",
    "with --table 1: training samples of TALLRec, a row each, such as 16,64,256; default: one row, of tallrec.shots",
    counts,
  )
  .option(
    "--experiments <folder>",
    "with --table: where results are kept and found again; default: .cache/experiments",
  )
  .option(
    "--out <folder>",
    "gets metrics.json, metrics.csv, segments.csv and report.html; default: beside the bundle, or runs/evaluate-<name>",
  )
  .option("--runs <folder>", "where runs are kept", "runs")
  .option("--cache <folder>", "where prepared data are kept and found again", ".cache/data")
  .showHelpAfterError()
  .action(run);

function part(value: string): Options["split"] {
  if (value === "train" || value === "validation" || value === "test") return value;
  throw new InvalidArgumentError("It is train, validation or test.");
}

function count(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It is a positive whole number.");
}

function table(value: string): Options["table"] {
  const name = [...experimentNames, "all" as const].find((known) => known === value);
  if (name !== undefined) return name;
  throw new InvalidArgumentError(`It is ${experimentNames.join(", ")} or all.`);
}

function list(value: string): string[] {
  return value.split(",").map((name) => name.trim());
}

function counts(value: string): number[] {
  return list(value).map(count);
}

/** What only one of the two ways reads. */
const ofBundles = [
  "bundle",
  "split",
  "predictions",
  "instructions",
  "scoring",
  "runtime",
  "threads",
  "executionProviders",
];
const ofTables = ["set", "setGrid", "seeds", "models", "sizes", "shots", "experiments"];
const ofData = ["config", "split", "rows", "intervals", "cache"];

/** Refuses an option that would be read by nobody. */
function requireRead(unread: readonly string[], remedy: string): void {
  const given = unread.find((name) => command.getOptionValueSource(name) === "cli");
  if (given === undefined) return;
  const flag = command.options.find((option) => option.attributeName() === given)!.long!;
  const message = `${flag} says nothing here.`;
  throw new CorellaError({ code: "evaluate/options", message, place: "the command line", remedy });
}

async function run(options: Options): Promise<void> {
  if (options.table === undefined) {
    requireRead(ofTables, "Ask for a table with --table, or leave it out.");
    if (options.instructions === undefined) return scoreBundle(options);
    requireRead(ofData, "Leave it out: the records of --instructions are scored, all of them.");
    return scoreInstructions(options.instructions, options);
  }
  requireRead(
    ofBundles,
    "Leave it out: tables are trained as the configuration says, and scored on the test part.",
  );
  const { table: name, config = "configs/movietweetings.yaml", seeds = 3, models: crms = [] } = options;
  const isFor = (asked: Options["table"]): boolean => name === asked || name === "all";
  if (!isFor("1")) requireRead(["models", "shots"], "Leave it out: it is read with --table 1 or all.");
  if (!isFor("figure1")) requireRead(["sizes"], "Leave it out: it is read with --table figure1 or all.");
  const experiments = options.experiments ?? join(".cache", "experiments");
  await runTables({ ...options, table: name, config, seeds, models: crms, experiments });
}

const noBundle = "Make one with `pnpm train`, or name one with --bundle.";

await runMain(() => command.parseAsync(), {
  "bundle/none": noBundle,
  "bundle/missing": noBundle,
  "train/interrupted": "The same command goes on: what is trained is kept.",
});
