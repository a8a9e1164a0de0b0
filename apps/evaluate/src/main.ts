import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { newestBundle, openBundle, loadPredictor } from "@corella/bundle";
import { runtimeKinds, type RuntimeKind } from "@corella/engine";
import { formatError } from "@corella/errors";
import { evaluationCsv, formatSegments, formatTable, segmentsCsv } from "@corella/evaluation";
import { loadDataConfig, prepareLog, splitLog } from "@corella/modality";
import { writeFileAtomic } from "@corella/files";
import { withRemedy } from "@corella/terminal";
import { Command, InvalidArgumentError, Option } from "commander";
import { createCounter } from "./counter.ts";
import { evaluatePredictions, report } from "./figures.ts";
import { predictRows } from "./predict.ts";

interface Options {
  readonly bundle?: string;
  readonly config?: string;
  readonly split: "train" | "validation" | "test";
  readonly rows?: number;
  readonly seed: number;
  readonly intervals: "users" | "rows";
  readonly runtime: RuntimeKind;
  readonly threads: number;
  readonly executionProviders?: string;
  readonly out?: string;
  readonly runs: string;
  readonly cache: string;
}

const command = new Command("evaluate")
  .description(
    "Scores a part of the data with a bundle: AUC, logloss and accuracy with intervals, by confidence, with pictures.",
  )
  .option("--bundle <folder>", "bundle; default: the newest under --runs")
  .option("--config <file>", "whose data is scored; default: the bundle's own configuration")
  .option("--split <part>", "train, validation or test", part, "test")
  .option("--rows <count>", "only so many rows, at random", count)
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
    "--out <folder>",
    "gets metrics.json, metrics.csv, segments.csv and report.html; default: beside the bundle",
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

async function run(options: Options): Promise<void> {
  const folder = options.bundle ?? (await newestBundle(options.runs));
  const bundle = await openBundle(folder);
  // The paths in the configuration of a bundle start at its run's folder, which holds the bundle.
  const configPath = options.config ?? join(dirname(resolve(folder)), "config.yaml");
  const data = await loadDataConfig(configPath);
  process.stderr.write(`Bundle ${folder}\nReading the data of ${configPath}\n`);
  const baseFolder = dirname(resolve(configPath));
  const { log } = await prepareLog(data, { baseFolder, cacheFolder: options.cache });
  const split = splitLog(log, data);
  const rows = split[options.split];
  const predictor = await loadPredictor(bundle, {
    runtime: {
      kind: options.runtime,
      threads: options.threads,
      executionProviders: options.executionProviders?.split(","),
    },
  });
  const counter = createCounter(
    process.stderr,
    `Scoring with ${bundle.models.length === 2 ? "both models" : `the ${bundle.models[0]!.toUpperCase()}`}`,
  );
  try {
    const predictions = await predictRows(bundle, predictor, log, rows, options, counter);
    const { seed, intervals } = options;
    const figures = evaluatePredictions(predictions, bundle, { log, train: split.train, seed, intervals });
    const { evaluation, segments } = figures;
    const out = options.out ?? join(dirname(resolve(folder)), `evaluation-${options.split}`);
    await mkdir(out, { recursive: true });
    const title = `corella: ${bundle.name} on its ${options.split} part`;
    for (const [name, content] of Object.entries({
      "metrics.json": `${JSON.stringify({ ...evaluation, segments }, undefined, 2)}\n`,
      "metrics.csv": evaluationCsv(evaluation),
      "segments.csv": segmentsCsv(segments),
      "report.html": report(title, predictions, bundle, figures),
    }))
      await writeFileAtomic(join(out, name), content);
    process.stdout.write(
      `\n${formatTable(evaluation)}\n\n${formatSegments(segments, evaluation)}\n\nFigures: ${join(out, "metrics.json")}, metrics.csv, segments.csv\nReport: ${join(out, "report.html")}\n`,
    );
  } finally {
    counter.stop();
    await predictor.dispose();
  }
}

const noBundle = "Make one with `pnpm train`, or name one with --bundle.";

try {
  await command.parseAsync();
} catch (error) {
  process.stderr.write(
    `${formatError(withRemedy(error, { "bundle/none": noBundle, "bundle/missing": noBundle }))}\n`,
  );
  process.exitCode = 1;
}
