import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseRunConfig, sampledTestRows } from "@corella/alignment";
import {
  countPromptCuts,
  describePromptCuts,
  loadPredictor,
  newestBundle,
  openBundle,
  type Bundle,
  type LoadOptions,
} from "@corella/bundle";
import { parseYaml } from "@corella/configuration";
import type { RuntimeKind } from "@corella/engine";
import { figureFiles, formatSegments, formatTable } from "@corella/evaluation";
import { writeFileAtomic } from "@corella/files";
import {
  loadDataConfig,
  prepareLog,
  recordsAt,
  shuffledRows,
  splitLog,
  type DataConfig,
  type InteractionLog,
  type LogSplit,
} from "@corella/modality";
import { listenForInterruption } from "@corella/terminal";
import { createCounter } from "./counter.ts";
import { concluded, evaluatePredictions, models as modelsOf, report } from "./figures.ts";
import { predictRows, type Predictions } from "./predict.ts";
import { logColumns, requirePredictionsFile, writePredictions } from "./predictions-file.ts";

/** Options of `evaluate` that score a bundle. */
export interface ScoreBundleOptions {
  readonly bundle?: string;
  readonly config?: string;
  readonly split: "train" | "validation" | "test";
  readonly rows?: number;
  readonly predictions?: string;
  readonly scoring?: LoadOptions["scoring"];
  readonly seed: number;
  readonly intervals: "users" | "rows";
  readonly runtime: RuntimeKind;
  readonly threads: number;
  readonly executionProviders?: string;
  readonly out?: string;
  readonly runs: string;
  readonly cache: string;
}

/** Scores a part of the data with a bundle: tables and a verdict to the terminal, figures, report and predictions as files. */
export async function scoreBundle(options: ScoreBundleOptions): Promise<void> {
  const { split: part, seed, intervals } = options;
  if (options.predictions !== undefined) requirePredictionsFile(options.predictions);
  const folder = options.bundle ?? (await newestBundle(options.runs));
  const bundle = await openBundle(folder);
  const { data, place, baseFolder } = await dataOf(bundle, options.config);
  process.stderr.write(`Bundle ${folder}\nReading the data of ${place}\n`);
  const { log } = await prepareLog(data, { baseFolder, cacheFolder: options.cache });
  const split = splitLog(log, data);
  const rows = someRows(split[part], options.rows, seed);
  await tellPromptCuts(bundle, log, rows, seed);
  const predictor = await loadPredictor(bundle, {
    runtime: {
      kind: options.runtime,
      threads: options.threads,
      executionProviders: options.executionProviders?.split(","),
    },
    scoring: options.scoring,
  });
  const models = bundle.models.length === 2 ? "both models" : `the ${bundle.models[0]!.toUpperCase()}`;
  const counter = createCounter(process.stderr);
  const interruption = listenForInterruption(process.stderr);
  const predict = (of: Uint32Array, what: keyof LogSplit): Promise<Predictions> => {
    const scoring = `Scoring the ${what} part with ${models}`;
    return predictRows(bundle, predictor, log, of, counter, scoring, interruption.signal);
  };
  try {
    const predictions = await predict(rows, part);
    const beside = part === "test" && split.validation.length > 0;
    const validation = beside
      ? await predict(validationRows(log, split.validation, bundle.models.includes("llm")), "validation")
      : undefined;
    interruption.stop();
    const look = { log, split, part };
    const figures = evaluatePredictions(predictions, bundle, { ...look, validation, seed, intervals });
    const { evaluation, segments } = figures;
    const conclusion = concluded(predictions, bundle, figures, look);
    const out = options.out ?? join(dirname(resolve(folder)), `evaluation-${part}`);
    await mkdir(out, { recursive: true });
    const title = `corella: ${bundle.name} on its ${part} part`;
    for (const [name, content] of Object.entries({
      ...figureFiles(figures, "metrics"),
      "report.html": report(title, predictions, bundle, figures, conclusion),
    }))
      await writeFileAtomic(join(out, name), content);
    if (options.predictions !== undefined) {
      await mkdir(dirname(options.predictions), { recursive: true });
      await writePredictions(
        options.predictions,
        logColumns(log, rows),
        rows.length,
        modelsOf(predictions, bundle),
      );
    }
    const lines = [
      "",
      formatTable(evaluation),
      "",
      formatSegments(segments, evaluation),
      "",
      ...(conclusion.verdict === "" ? [] : [conclusion.verdict]),
      `Figures: ${join(out, "metrics.json")}, metrics.csv, segments.csv`,
      ...(options.predictions === undefined ? [] : [`Predictions: ${options.predictions}`]),
      `Report: ${join(out, "report.html")}`,
      ...conclusion.warnings.map((warning) => `warning: ${warning}`),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  } finally {
    counter.stop();
    interruption.stop();
    await predictor.dispose();
  }
}

/** Rows of the validation part that a language model is asked about besides: enough to see that the parts are far apart. */
const validationSample = 1000;

function validationRows(log: InteractionLog, rows: Uint32Array, asksLlm: boolean): Uint32Array {
  return asksLlm ? sampledTestRows(log, rows, validationSample) : rows;
}

function someRows(all: Uint32Array, limit: number | undefined, seed: number): Uint32Array {
  return limit === undefined || limit >= all.length ? all : shuffledRows(all, seed).slice(0, limit).sort();
}

/**
 * The data that are scored: of a file, of `config.yaml` beside the bundle, or else of the configuration inside it, as of a CRM
 * that a search has saved. Paths in a bundle's configuration start at the folder that holds the bundle.
 */
async function dataOf(
  bundle: Bundle,
  configPath: string | undefined,
): Promise<{ data: DataConfig; place: string; baseFolder: string }> {
  const beside = join(dirname(resolve(bundle.folder)), "config.yaml");
  const path = configPath ?? beside;
  const inside = configPath === undefined && !existsSync(beside) ? bundle.runConfig : undefined;
  if (inside === undefined)
    return { data: await loadDataConfig(path), place: path, baseFolder: dirname(resolve(path)) };
  const place = join(bundle.folder, "config.yaml");
  return { data: parseRunConfig(parseYaml(inside, place), place).data, place, baseFolder: dirname(beside) };
}

/** Prompts that are looked at. */
const promptSample = 500;

async function tellPromptCuts(
  bundle: Bundle,
  log: InteractionLog,
  rows: Uint32Array,
  seed: number,
): Promise<void> {
  if (!bundle.models.includes("llm")) return;
  const sample = shuffledRows(rows, seed).slice(0, promptSample);
  const cuts = countPromptCuts(await bundle.llmAsking(), recordsAt(log, sample, bundle), bundle.catalogue);
  process.stderr.write(`${describePromptCuts(cuts)}\n`);
}
