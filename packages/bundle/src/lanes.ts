import { crmInferenceProgram } from "@corella/crm";
import {
  createRuntime,
  type Inference,
  type Runtime,
  type RuntimeConfig,
  type ValueReader,
  type Values,
} from "@corella/engine";
import { createScorer, hasSteadyKeys, mergeAdapter, type AnswerScoring } from "@corella/llm";
import { createT5Scorer } from "@corella/llm/encoders";
import { encodeRecords, type Catalogue } from "@corella/modality";
import type { Bundle } from "./bundle.ts";
import { crmOf, type TrainedCrm } from "./crm-files.ts";
import { idFeeds } from "./feeds.ts";
import type { Lane } from "./lane.ts";
import type { TrainedT5, TunedLlm } from "./llm-files.ts";
import { textLane } from "./llm-prompt.ts";
import type { ModelName } from "./models.ts";

/** Records of the CRM that are scored at once. */
const crmBatch = 4096;

/** A CRM in this thread, whose program may also go into a file. */
export interface CrmLane extends Lane {
  /** Writes the model as a standard ONNX file for any batch size: inputs `input.<feature>`, outputs `output.logit` and `output.probability`. */
  exportOnnx: Inference["exportOnnx"];
}

/** The CRM as a lane of this thread. */
export async function createCrmLane(
  { config, values, featureMap, statistics }: TrainedCrm,
  catalogue: Catalogue,
  runtime: Runtime,
): Promise<CrmLane> {
  const inference = await runtime.infer(crmInferenceProgram(crmOf(config, featureMap)), values);
  return {
    async score(records) {
      const scores = new Float32Array(records.length);
      for (let start = 0; start < records.length; start += crmBatch) {
        const chunk = records.slice(start, start + crmBatch);
        const batch = encodeRecords(featureMap, chunk, catalogue, statistics);
        const { probability } = await inference.run(idFeeds(featureMap.features, batch));
        scores.set(probability!.data as Float32Array, start);
      }
      return scores;
    },
    exportOnnx: (path, options) => inference.exportOnnx(path, options),
    dispose: () => inference.dispose(),
  };
}

/** The LLM as a lane of this thread; the adapter of a decoder is merged into the weights. */
export async function createLlmLane(
  llm: TunedLlm | TrainedT5,
  catalogue: Catalogue,
  runtime: Runtime,
): Promise<Lane> {
  if ("t5" in llm) return t5Lane(llm, llm.values, catalogue, runtime);
  const { config, values } = mergeAdapter(llm.config, llm.lora, llm.values);
  return llmLane({ ...llm, config }, values, catalogue, runtime);
}

async function llmLane(
  llm: Omit<TunedLlm, "lora" | "values">,
  values: Values | ValueReader,
  catalogue: Catalogue,
  runtime: Runtime,
  prefixCacheBytes = 0,
): Promise<Lane> {
  const { config, tokenizer, answers, scoring, tokenBudget } = llm;
  const scorer = await createScorer({
    config,
    values,
    tokenizer,
    answers,
    scoring,
    runtime,
    tokenBudget,
    // The prompt's history is cut to the limit; what is still too long (a target with endless text) loses its beginning.
    maxTokens: llm.maxTokens,
    overlong: "cut",
    prefixCacheBytes: hasSteadyKeys(config) ? prefixCacheBytes : 0,
  });
  return textLane(scorer, llm, catalogue);
}

async function t5Lane(
  llm: Omit<TrainedT5, "values">,
  values: Values | ValueReader,
  catalogue: Catalogue,
  runtime: Runtime,
): Promise<Lane> {
  const scorer = await createT5Scorer({ ...llm, config: llm.t5, values, runtime });
  return textLane(scorer, llm, catalogue);
}

/**
 * Opens the CRM of a bundle in this thread.
 * @throws CorellaError `bundle/no-model`, `bundle/damaged`
 */
export async function openCrmLane(
  bundle: Bundle,
  { runtime }: Pick<LaneOptions, "runtime"> = {},
): Promise<CrmLane> {
  return createCrmLane(await bundle.crm(), bundle.catalogue, await createRuntime(runtime));
}

/** How a lane is opened. */
export interface LaneOptions {
  /** What computes it; default onnxruntime with two threads. */
  readonly runtime?: RuntimeConfig | undefined;
  /**
   * Bytes within which the LLM keeps what it computed of prompts, for later ones that begin alike, such as the same user's
   * (`createScorer`). Default 0. Models of which this depends on the prompts beside (RoPE dynamic and longrope) keep nothing, nor does a T5.
   */
  readonly prefixCacheBytes?: number | undefined;
  /** How the LLM's two answers become a probability; default: as the bundle says. */
  readonly scoring?: AnswerScoring | undefined;
}

/**
 * Opens the LLM of a bundle in this thread.
 * @throws CorellaError `bundle/no-model`, `bundle/damaged`
 */
export async function openLlmLane(
  bundle: Bundle,
  { runtime, prefixCacheBytes, scoring }: LaneOptions = {},
): Promise<Lane> {
  const { weights, ...saved } = await bundle.llm();
  const llm = { ...saved, scoring: scoring ?? saved.scoring };
  try {
    const opened = await createRuntime(runtime);
    if ("t5" in llm) return await t5Lane(llm, weights, bundle.catalogue, opened);
    return await llmLane(llm, weights, bundle.catalogue, opened, prefixCacheBytes);
  } finally {
    await weights.close();
  }
}

/** Opens one model of a bundle in this thread, whichever it is. */
export function openLane(bundle: Bundle, model: ModelName, options?: LaneOptions): Promise<Lane> {
  return model === "crm" ? openCrmLane(bundle, options) : openLlmLane(bundle, options);
}
