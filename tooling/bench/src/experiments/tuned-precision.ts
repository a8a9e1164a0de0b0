import { randomRuns, renderRun, targetRuns, type TargetRun } from "@corella/alignment";
import { initialValues, onnxRuntime, type Precision } from "@corella/engine";
import { createGenerator, permutation } from "@corella/random";
import {
  createScorer,
  cutPrompt,
  isLoraParam,
  loadPretrained,
  mergeAdapter,
  packedDecoder,
  packedFeeds,
  twoWayProgram,
  yesNoIds,
  type LoraConfig,
} from "@corella/llm";
import { auc, logLoss } from "@corella/metrics";
import {
  catalogueFromLog,
  createPrompt,
  loadLog,
  movieLens1M,
  splitLog,
  templateLikes,
} from "@corella/modality";

/**
 * What precisions do to the AUC of a tuned model: LoRA on ML-1M in float32, packed, then the same adapter merged and
 * scored in float32, int8 and 4 bits on 2,000 test prompts (lists of the liked and the disliked of the last ten).
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/tuned-precision.ts model.gguf ml-1m.zip
 */
const historyLength = 10;
const targets = 4;
const trainingSamples = 4096;
const testSamples = 2000;
const runsOfStep = 8;
/** Prompts scored between two reports. */
const portion = 200;
const learningRate = 1e-3;
const lora: LoraConfig = { rank: 8, alpha: 16, targetModules: ["q_proj", "v_proj"] };
const precisions: readonly Precision[] = ["float32", "int8", "int4"];

const [modelPath, dataPath] = process.argv.slice(2) as [string, string];
const data = movieLens1M(dataPath);
const log = await loadLog(data);
const split = splitLog(log, data);
const catalogue = catalogueFromLog(log);
const prompt = createPrompt({ template: templateLikes, historyLength });
const model = await loadPretrained(modelPath);
const { config } = model;
const tokenizer = model.tokenizer!;
const runtime = onnxRuntime({ threads: 1, spinning: false });

const drawn = (rows: Uint32Array, samples: number, purpose: string): TargetRun[] =>
  randomRuns(targetRuns(log, rows, targets), samples, 1, purpose);
const training = drawn(split.train, trainingSamples, "training");
const testing = drawn(split.test, testSamples, "testing");
const render = (run: TargetRun): string[] => renderRun({ log, catalogue }, prompt, run);
const answers = await yesNoIds(tokenizer, render(training[0]!)[0]!);

const part = packedDecoder(config, { answers, lora });
const program = twoWayProgram(part);
const values = initialValues(program, 1, model.values);
const trainer = await runtime.train(program, {
  seed: 1,
  values,
  optimizer: (name) => (isLoraParam(name) ? { kind: "adamw", learningRate } : null),
});
const order = permutation(training.length, createGenerator(1, "order"));
const steps = Math.ceil(training.length / runsOfStep);
let losses: number[] = [];
for (let step = 0; step < steps; step++) {
  const runs = Array.from(
    order.subarray(step * runsOfStep, (step + 1) * runsOfStep),
    (place) => training[place]!,
  );
  const texts = runs.flatMap(render).map((text) => cutPrompt(text, answers));
  const label = Float32Array.from(
    runs.flatMap((run) => [...run.rows]),
    (row) => log.label[row]!,
  );
  const feeds = {
    ...packedFeeds(await tokenizer.encodeBatch(texts)),
    label: { shape: [label.length], data: label },
  };
  // Warm up, then down to zero.
  const learningRateScale = Math.min((step + 1) / 10, (steps - step) / (steps - 10));
  losses.push((await trainer.step(feeds, { learningRateScale })).loss);
  if (losses.length === 10) {
    process.stderr.write(`step ${step + 1} of ${steps}: loss ${mean(losses).toFixed(4)}\n`);
    losses = [];
  }
}
const { values: merged } = mergeAdapter(config, lora, { ...values, ...trainer.values });
await trainer.dispose();

const labels = testing.flatMap(({ rows }) => Array.from(rows, (row) => log.label[row]!));
const texts = testing.flatMap(render);
const scores: Partial<Record<Precision, number[]>> = {};
process.stdout.write("| precision | prompts | AUC | log loss | mean difference of P(yes) | largest |\n");
process.stdout.write("| --- | --- | --- | --- | --- | --- |\n");
for (const precision of precisions) {
  const scorer = await createScorer({
    config,
    values: merged,
    tokenizer,
    answers,
    runtime,
    ...(precision === "float32" ? {} : { precision: () => precision }),
  });
  const own: number[] = (scores[precision] = []);
  for (let start = 0; start < texts.length; start += portion) {
    own.push(...(await scorer.score(texts.slice(start, start + portion))));
    process.stderr.write(
      `${precision}: ${own.length} of ${texts.length}, AUC ${auc(own, labels.slice(0, own.length)).toFixed(4)}\n`,
    );
  }
  await scorer.dispose();
  const differences = own.map((score, i) => Math.abs(score - scores.float32![i]!));
  const figures = [auc(own, labels), logLoss(own, labels)].map((figure) => figure.toFixed(4));
  const shift = [mean(differences), Math.max(...differences)].map((figure) => figure.toExponential(1));
  process.stdout.write(`| ${[precision, own.length, ...figures, ...shift].join(" | ")} |\n`);
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
