import { crmInferenceProgram } from "@corella/crm";
import {
  createRuntime,
  type Inference,
  type Runtime,
  type RuntimeConfig,
  type ValueReader,
  type Values,
} from "@corella/engine";
import { createScorer, mergeAdapter } from "@corella/llm";
import { encodeRecords, type Catalogue, type FeatureMap } from "@corella/modality";
import type { Bundle, TunedLlm } from "./bundle.ts";
import { crmOf, type TrainedCrm } from "./crm-folder.ts";
import { idFeeds } from "./feeds.ts";
import { textLane, textModality, type TextModality } from "./llm-prompt.ts";
import { createPredictor, type Lane, type Predictor } from "./predictor.ts";
import { createRemoteLane, type RemoteLlm } from "./remote-lane.ts";
import { startWorkerLane } from "./worker-lane.ts";

/** Records of the CRM that are scored at once. */
const crmBatch = 4096;

/** The CRM as a lane of this thread. */
export async function createCrmLane(
  crm: TrainedCrm,
  modality: { readonly featureMap: FeatureMap; readonly catalogue: Catalogue },
  runtime: Runtime,
): Promise<Lane & Pick<Inference, "exportOnnx">> {
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
    exportOnnx: (path, options) => inference.exportOnnx(path, options),
    dispose: () => inference.dispose(),
  };
}

/** The LLM as a lane of this thread; the adapter is merged into the weights. */
export async function createLlmLane(llm: TunedLlm, modality: TextModality, runtime: Runtime): Promise<Lane> {
  return llmLane(llm, mergeAdapter(llm.config, llm.lora, llm.values), modality, runtime);
}

async function llmLane(
  llm: Omit<TunedLlm, "lora" | "values">,
  values: Values | ValueReader,
  modality: TextModality,
  runtime: Runtime,
): Promise<Lane> {
  const { config, tokenizer, answers, tokenBudget } = llm;
  const scorer = await createScorer({
    config,
    values,
    tokenizer,
    answers,
    runtime,
    tokenBudget,
    // The prompt's history is cut to the limit; what is still too long (a target with endless text) loses its beginning.
    maxTokens: llm.maxTokens,
    overlong: "cut",
  });
  return textLane(scorer, llm, modality);
}

/** Opens one model of a bundle in this thread. */
export async function openLane(
  bundle: Bundle,
  lane: "crm" | "llm",
  config: RuntimeConfig | undefined,
): Promise<Lane> {
  const runtime = await createRuntime(config);
  if (lane === "crm") return createCrmLane(await bundle.crm(), bundle, runtime);
  const modality = await textModality(bundle);
  const { weights, ...llm } = await bundle.llm();
  try {
    return await llmLane(llm, weights, modality, runtime);
  } finally {
    await weights.close();
  }
}

export interface LoadOptions {
  /** What computes each model; default onnxruntime with two threads. */
  readonly runtime?: RuntimeConfig | undefined;
  /** Each model in a worker thread, so that this thread stays free; default false. */
  readonly workers?: boolean;
  /** A server that answers in place of the bundle's own LLM, whose weights are then not read. */
  readonly remoteLlm?: RemoteLlm | undefined;
}

/** The Predictor of a bundle. */
export async function loadPredictor(bundle: Bundle, options: LoadOptions = {}): Promise<Predictor> {
  const { runtime, remoteLlm } = options;
  const open = async (lane: "crm" | "llm"): Promise<Lane> => {
    if (lane === "llm" && remoteLlm !== undefined)
      return createRemoteLane(await bundle.llmAsking(), await textModality(bundle), remoteLlm);
    return options.workers === true
      ? startWorkerLane({ folder: bundle.folder, lane, runtime })
      : openLane(bundle, lane, runtime);
  };
  const opened = await Promise.allSettled([open("crm"), open("llm")]);
  const [crm, llm] = opened;
  if (crm.status === "fulfilled" && llm.status === "fulfilled") {
    return createPredictor({ crm: crm.value, llm: llm.value }, bundle.router);
  }
  for (const lane of opened) if (lane.status === "fulfilled") await lane.value.dispose();
  throw opened.find((lane) => lane.status === "rejected")!.reason;
}
