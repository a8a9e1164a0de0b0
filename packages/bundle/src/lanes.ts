import { crmInferenceProgram } from "@corella/crm";
import { createRuntime, type Runtime, type RuntimeConfig } from "@corella/engine";
import { createScorer, mergeAdapter } from "@corella/llm";
import {
  createPrompt,
  embeddingFrom,
  encodeRecords,
  type Catalogue,
  type FeatureMap,
  type ItemVectors,
  type Prompt,
  type PromptConfig,
} from "@corella/modality";
import { crmOf, type Bundle, type TrainedCrm, type TunedLlm } from "./bundle.ts";
import { idFeeds } from "./feeds.ts";
import { createPredictor, type Lane, type Predictor } from "./predictor.ts";
import { startWorkerLane } from "./worker-lane.ts";

/** Records of the CRM that are scored at once. */
const crmBatch = 4096;

/** The CRM as a lane of this thread. */
export async function createCrmLane(
  crm: TrainedCrm,
  modality: { readonly featureMap: FeatureMap; readonly catalogue: Catalogue },
  runtime: Runtime,
): Promise<Lane> {
  const { featureMap, catalogue } = modality;
  const inference = await runtime.infer(crmInferenceProgram(crmOf(crm.config, featureMap)), crm.values);
  return {
    async score(records) {
      const scores = new Float32Array(records.length);
      for (let start = 0; start < records.length; start += crmBatch) {
        const batch = encodeRecords(featureMap, records.slice(start, start + crmBatch), catalogue);
        const { probability } = await inference.run(idFeeds(featureMap.features, batch));
        scores.set(probability!.data as Float32Array, start);
      }
      return scores;
    },
    dispose: () => inference.dispose(),
  };
}

/** The LLM as a lane of this thread; the adapter is merged into the weights. */
export async function createLlmLane(
  llm: TunedLlm,
  modality: {
    readonly prompt: PromptConfig;
    readonly catalogue: Catalogue;
    readonly itemVectors?: ItemVectors | undefined;
  },
  runtime: Runtime,
): Promise<Lane> {
  const { config, lora, tokenizer, answers, tokenBudget } = llm;
  const scorer = await createScorer({
    config,
    values: mergeAdapter(config, lora, llm.values),
    tokenizer,
    answers,
    runtime,
    tokenBudget,
    // The prompt's history is cut to the limit; what is still too long (a target with endless text) loses its beginning.
    maxTokens: llm.maxTokens,
    overlong: "cut",
  });
  const prompt = createLlmPrompt(llm, modality.prompt, modality.itemVectors);
  return {
    score: (records, signal) =>
      scorer.score(
        records.map((record) => prompt.render(record, modality.catalogue)),
        signal,
      ),
    dispose: () => scorer.dispose(),
  };
}

/**
 * The prompt as a decoder is to see it: history is cut to its token limit.
 * @param itemVectors for `config.retrieval`
 */
export function createLlmPrompt(
  llm: Pick<TunedLlm, "tokenizer" | "maxTokens">,
  config: PromptConfig,
  itemVectors?: ItemVectors,
): Prompt {
  return createPrompt(
    { ...config, maxTokens: llm.maxTokens },
    {
      countTokens: (text) => llm.tokenizer.countTokens(text),
      embedding: itemVectors === undefined ? undefined : embeddingFrom(itemVectors),
    },
  );
}

/** Opens one model of a bundle in this thread. */
export async function openLane(
  bundle: Bundle,
  lane: "crm" | "llm",
  config: RuntimeConfig | undefined,
): Promise<Lane> {
  const runtime = await createRuntime(config);
  if (lane === "crm") return createCrmLane(await bundle.crm(), bundle, runtime);
  const { prompt, catalogue } = bundle;
  const itemVectors = await bundle.itemVectors();
  return createLlmLane(await bundle.llm(), { prompt, catalogue, itemVectors }, runtime);
}

export interface LoadOptions {
  /** What computes each model; default onnxruntime with two threads. */
  readonly runtime?: RuntimeConfig | undefined;
  /** Each model in a worker thread, so that this thread stays free; default false. */
  readonly workers?: boolean;
}

/** The Predictor of a bundle. */
export async function loadPredictor(bundle: Bundle, options: LoadOptions = {}): Promise<Predictor> {
  const { runtime } = options;
  const open = (lane: "crm" | "llm"): Promise<Lane> =>
    options.workers === true
      ? startWorkerLane({ folder: bundle.folder, lane, runtime })
      : openLane(bundle, lane, runtime);
  const opened = await Promise.allSettled([open("crm"), open("llm")]);
  const [crm, llm] = opened;
  if (crm.status === "fulfilled" && llm.status === "fulfilled") {
    return createPredictor({ crm: crm.value, llm: llm.value }, bundle.router);
  }
  for (const lane of opened) if (lane.status === "fulfilled") await lane.value.dispose();
  throw opened.find((lane) => lane.status === "rejected")!.reason;
}
