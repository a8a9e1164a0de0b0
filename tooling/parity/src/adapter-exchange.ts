import { readFile, writeFile } from "node:fs/promises";
import { onnxRuntime, type Values } from "@corella/engine";
import {
  createScorer,
  decoder,
  isLoraParam,
  loadAdapter,
  loadPretrained,
  mergeAdapter,
  paddedFeeds,
  saveAdapter,
  twoWayProgram,
  type AnswerIds,
  type LoraConfig,
  type PretrainedModel,
} from "@corella/llm";

// One side of check_adapters.py and check_multimodal_adapters.py of tooling/reference, which run it: trains an adapter, or scores with one of PEFT.

interface Job {
  readonly model: string;
  /** Token ids of the prompts, as PEFT reads them too. */
  readonly tokens: readonly (readonly number[])[];
  readonly labels: readonly number[];
  readonly answers: AnswerIds;
  readonly steps: number;
  readonly learningRate: number;
  readonly lora: LoraConfig;
}

const runtime = onnxRuntime();

async function trained(job: Job, model: PretrainedModel): Promise<Values> {
  const part = decoder(model.config, { answers: job.answers, lora: job.lora });
  const program = twoWayProgram(part);
  const trainer = await runtime.train(program, {
    seed: 1,
    values: model.values,
    optimizer: (name) => (isLoraParam(name) ? { kind: "adamw", learningRate: job.learningRate } : null),
  });
  const label = { shape: [job.labels.length], data: Float32Array.from(job.labels) };
  for (let step = 0; step < job.steps; step++) {
    const { loss } = await trainer.step({ ...paddedFeeds(job.tokens), label });
    process.stderr.write(`corella step ${step + 1}: loss ${loss.toFixed(4)}\n`);
  }
  const adapter = Object.entries(trainer.values).filter(([name]) => isLoraParam(name));
  await trainer.dispose();
  return Object.fromEntries(adapter);
}

/** P(yes) with the adapter merged, whatever it is, and, to see that it does something, that of the base alone. */
async function probabilities(
  job: Job,
  model: PretrainedModel,
  lora: LoraConfig,
  adapter: Values,
): Promise<{ adapted: number[]; base: number[] }> {
  const scored = async ({
    config,
    values,
  }: Pick<PretrainedModel, "config" | "values">): Promise<number[]> => {
    const scorer = await createScorer({
      config,
      values,
      tokenizer: { ...model.tokenizer!, encodeBatch: async () => job.tokens.map((ids) => [...ids]) },
      answers: { ...job.answers, dangling: "", appended: "" },
      runtime,
    });
    const { probability } = await scorer.scores(job.tokens.map(() => ""));
    await scorer.dispose();
    return [...probability];
  };
  return {
    adapted: await scored(mergeAdapter(model.config, lora, { ...model.values, ...adapter })),
    base: await scored(model),
  };
}

const [task, jobPath, folder, outPath] = process.argv.slice(2) as [string, string, string, string];
const job = JSON.parse(await readFile(jobPath, "utf8")) as Job;
const model = await loadPretrained(job.model);
let adapter: { readonly lora: LoraConfig; readonly values: Values };
if (task === "train") {
  adapter = { lora: job.lora, values: await trained(job, model) };
  await saveAdapter(folder, { config: model.config, ...adapter });
} else {
  adapter = await loadAdapter(folder, model.config);
}
await writeFile(outPath, JSON.stringify(await probabilities(job, model, adapter.lora, adapter.values)));
