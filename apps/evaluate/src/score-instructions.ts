import { mkdir } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { newestBundle, openBundle, openPromptScorer, type AskedPrompts, type Bundle } from "@corella/bundle";
import { parseYaml } from "@corella/configuration";
import {
  aucCards,
  evaluatePart,
  figureFiles,
  figureWarnings,
  formatTable,
  renderReport,
  type FigureWarning,
  type ModelPredictions,
} from "@corella/evaluation";
import { writeFileAtomic } from "@corella/files";
import { listenForInterruption } from "@corella/terminal";
import { createCounter } from "./counter.ts";
import { readInstructions, type Instructions } from "./instructions-file.ts";
import { interrupted } from "./predict.ts";
import { requirePredictionsFile, writePredictions } from "./predictions-file.ts";
import type { ScoreBundleOptions } from "./score-bundle.ts";

/** Prompts between two signs of progress. */
const chunkSize = 100;

/** Scores a file of instructions with the LLM of a bundle: a table to the terminal, figures, report and predictions as files. */
export async function scoreInstructions(path: string, options: ScoreBundleOptions): Promise<void> {
  const { seed, predictions: predictionsPath } = options;
  if (predictionsPath !== undefined) requirePredictionsFile(predictionsPath);
  const folder = options.bundle ?? (await newestBundle(options.runs));
  const bundle = await openBundle(folder);
  const words = answersOf(bundle);
  const instructions = await readInstructions(path, words);
  process.stderr.write(`Bundle ${folder}\n`);
  const { labels } = instructions;
  const probabilities = await scored(bundle, instructions, words, options);

  const models: ModelPredictions[] = [{ name: "llm", title: "LLM alone", probabilities, shareToLlm: 1 }];
  const figures = evaluatePart(models, labels, [], { seed });
  const { evaluation } = figures;
  const warnings = [...ofOneClass(labels, path), ...figureWarnings(evaluation, "file", "llm")].map(
    ({ message, remedy }) => `${message} ${remedy}`,
  );
  const name = basename(path, extname(path));
  const out = options.out ?? join(dirname(resolve(folder)), `evaluation-of-${name}`);
  await mkdir(out, { recursive: true });
  const { "segments.csv": _, ...files } = figureFiles(figures, "metrics");
  const page = renderReport({
    title: `corella: ${bundle.name} on ${basename(path)}`,
    summary: [
      { label: "samples", value: labels.length.toLocaleString("en") },
      ...aucCards(evaluation, ["llm"]),
    ],
    evaluation,
    warnings,
    curves: [],
    segments: [],
    details: [{ heading: "Configuration of the run", text: bundle.runConfig ?? "" }],
  });
  for (const [file, content] of Object.entries({ ...files, "report.html": page }))
    await writeFileAtomic(join(out, file), content);
  if (predictionsPath !== undefined) {
    await mkdir(dirname(predictionsPath), { recursive: true });
    const columns = [
      { name: "record", type: "INTEGER", valueOf: (i: number) => i + 1 },
      { name: "label", type: "TINYINT", valueOf: (i: number) => labels[i]! },
    ] as const;
    await writePredictions(predictionsPath, columns, labels.length, models);
  }
  const lines = [
    "",
    formatTable(evaluation),
    "",
    `Figures: ${join(out, "metrics.json")}, metrics.csv`,
    ...(predictionsPath === undefined ? [] : [`Predictions: ${predictionsPath}`]),
    `Report: ${join(out, "report.html")}`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** P(yes) of each instruction. @throws CorellaError `evaluate/interrupted`, those of `openPromptScorer` */
async function scored(
  bundle: Bundle,
  { prompts }: Instructions,
  words: AskedPrompts["words"],
  { scoring, runtime: kind, threads, executionProviders }: ScoreBundleOptions,
): Promise<Float32Array> {
  const scorer = await openPromptScorer(
    bundle,
    { example: prompts[0]!, words },
    { scoring, runtime: { kind, threads, executionProviders: executionProviders?.split(",") } },
  );
  const counter = createCounter(process.stderr);
  const interruption = listenForInterruption(process.stderr);
  const probabilities = new Float32Array(prompts.length);
  let cut = 0;
  try {
    counter.start(prompts.length, "Scoring the instructions with the LLM");
    for (let start = 0; start < prompts.length; start += chunkSize) {
      if (interruption.signal.aborted) throw interrupted("The same command begins anew.");
      const chunk = prompts.slice(start, start + chunkSize);
      const scores = await scorer.scores(chunk);
      probabilities.set(scores.probability, start);
      cut += scores.cut;
      counter.add(chunk.length);
    }
  } finally {
    counter.stop();
    interruption.stop();
    await scorer.dispose();
  }
  if (cut > 0)
    process.stderr.write(
      `warning: ${cut} of ${prompts.length} prompts are longer than the model reads and lost their beginning.\n`,
    );
  return probabilities;
}

/** The words by which a bundle's LLM answers, as its configuration says them. */
function answersOf({ runConfig, folder }: Bundle): AskedPrompts["words"] {
  const content = runConfig === undefined ? undefined : parseYaml(runConfig, join(folder, "config.yaml"));
  const { llm } = (content ?? {}) as { llm?: { answers?: AskedPrompts["words"] } };
  return llm?.answers ?? { yes: "Yes", no: "No" };
}

function ofOneClass(labels: Float32Array, path: string): FigureWarning[] {
  if (new Set(labels).size > 1) return [];
  return [
    {
      message: `All records of ${path} have the same answer, so there is no AUC.`,
      remedy: "Give records of both answers.",
    },
  ];
}
