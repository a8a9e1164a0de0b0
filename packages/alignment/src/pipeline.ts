import { join, resolve } from "node:path";
import { createLlmPrompt, crmOf, idFeeds, saveBundle, type Router } from "@corella/bundle";
import { requireBothClasses, type CrmOutput } from "@corella/crm";
import {
  createRuntime,
  eagerRuntime,
  runPhase,
  type Part,
  type PhaseOptions,
  type PhaseResult,
  type PhaseSpec,
  type Program,
  type ProgressListener,
  type Values,
} from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { isHubReference, loraParams, yesNoIds, type LoraConfig } from "@corella/llm";
import { createPrompt, encodeRows } from "@corella/modality";
import type { MixRule } from "@corella/routing";
import { designScratch, loadBase, pretrainingStage, scratchTexts, type BaseLlm } from "./base-llm.ts";
import type { RunConfig } from "./config.ts";
import { itemVectorsFor } from "./item-vectors.ts";
import { prepareData, randomSubset, renderPrompts, type PreparedData } from "./data.ts";
import type { ProjectionConfig } from "./objective.ts";
import { fitRouter, predictAll, type Models, type Predictions } from "./predictions.ts";
import { jointStage, llmAloneStage, warmUp, type StageInputs } from "./stages.ts";
import { requireUpdates, textSamples, tunedDecoder, type TextSamples } from "./text-samples.ts";

export interface TrainingOptions {
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
  /** Gets `checkpoints/` and `bundle/`. */
  readonly runFolder: string;
  /** Prepared data are kept here and used again; default: a folder of the run's own. */
  readonly cacheFolder?: string | undefined;
  /** The resolved configuration as text, for the bundle. */
  readonly configText: string;
  readonly listener?: ProgressListener;
  readonly signal?: AbortSignal;
}

export interface TrainingResult {
  readonly bundleFolder: string;
  readonly data: PreparedData;
  readonly phases: readonly PhaseResult[];
  readonly test: Predictions;
  readonly router: Router;
  /** The learned mixing rule, which the router uses or not. */
  readonly addLogits: MixRule;
}

/**
 * The whole of training (method section 4): base model, the three stages, router, bundle.
 * @throws CorellaError before the first stage what data and configuration do not allow: those of `prepareLog`, `splitLog`,
 * `fitFeatureMap`, `createCrm`, `loadPretrained` and `createPrompt`, `crm/one-class`, `config/accumulate`, `config/projection`,
 * `config/no-test`, `config/no-tokenizer`, `llm/lora-target`; later `train/interrupted`, `train/diverged`, `file/write-failed`
 */
export async function train(config: RunConfig, options: TrainingOptions): Promise<TrainingResult> {
  const { listener = {}, signal } = options;
  const runtime = await createRuntime(config.runtime);
  listener.note?.("Reading the data");
  const data = await prepareData(
    config,
    options.baseFolder,
    options.cacheFolder ?? join(options.runFolder, "prepared"),
  );
  const inputs: StageInputs = { runtime, data, seed: config.seed };
  const crm = crmOf(config.crm, data.featureMap);
  const lora = config.llm.lora as LoraConfig;
  const design = await designLlm(config, options, inputs);
  const crmWidths = await hiddenWidths(data, crm);
  const projection = projectionConfig(config, crmWidths, design.config.layers);
  // What would end a later stage is refused before the first.
  requireUpdates(config, data.split.train.length);
  requireBothClasses(data.labels(data.split.validation));
  requireTest(data.split.test);
  createPrompt({ ...config.prompt, retrieval: "none" });
  loraParams(design.config, lora);
  const phases: PhaseResult[] = [];
  const optionsOf = (name: string, title: string): PhaseOptions => ({
    name,
    title,
    folder: join(options.runFolder, "checkpoints", name),
    listener,
    signal,
    checkpointEveryMs: config.checkpointEverySeconds * 1000,
  });
  const keep = (result: PhaseResult): Values => {
    phases.push(result);
    return result.values;
  };
  const run: RunPhase = async (name, title, create) => keep(await runPhase(optionsOf(name, title), create));

  const base: BaseLlm = { ...design, values: await design.values(run) };
  const { stages } = config;
  const warm = keep(await warmUp(inputs, crm, stages.warmUp, optionsOf("stage-1", "Stage 1: CRM warm-up")));

  const itemVectors = await itemVectorsFor(config.prompt, data, runtime, pickPrefix(warm, "crm.", ""), base);
  const prompt = createLlmPrompt({
    tokenizer: base.tokenizer,
    maxTokens: config.llm.maxTokens,
    prompt: config.prompt,
    itemVectors,
  });
  const answers = await yesNoIds(
    base.tokenizer,
    renderPrompts(data, prompt, data.split.train.subarray(0, 1))[0]!,
  );
  const llm = tunedDecoder(config.llm, base, { answers, lora });
  const samplesOf = (size: number, purpose: string): Promise<TextSamples> =>
    textSamples(config, data, base, prompt, answers, size, purpose);
  const joint = await run("stage-2", "Stage 2: joint training with alignment", async () =>
    jointStage(
      inputs,
      crm,
      llm,
      { ...copyOf(warm), ...prefixed(base.values, "llm.") },
      await samplesOf(stages.joint.samples, "joint"),
      stages.joint,
      stages.warmUp,
      projection,
      { llm: base.config.hiddenSize, crm: crmWidths[projection.crmLayers[0]! - 1]! },
    ),
  );
  const tuned = await run("stage-3", "Stage 3: LLM alone", async () =>
    llmAloneStage(
      inputs,
      llm,
      pickPrefix(joint, "llm.", "llm."),
      await samplesOf(stages.llmAlone.samples, "llm-alone"),
      stages.llmAlone,
    ),
  );

  const models: Models = {
    crmWarm: pickPrefix(warm, "crm.", ""),
    crm: pickPrefix(joint, "crm.", ""),
    llm: {
      config: base.config,
      lora,
      values: { ...base.values, ...pickPrefix(tuned, "llm.", "") },
      tokenizer: base.tokenizer,
      answers,
      maxTokens: config.llm.maxTokens,
      tokenBudget: config.llm.tokenBudget,
      prompt: config.prompt,
      itemVectors,
    },
  };
  const validationRows = randomSubset(
    data.split.validation,
    config.routing.validationSamples,
    config.seed,
    "validation",
  );
  const [validation, test] = await predictAll(config, data, models, runtime, listener, signal, [
    ["validation", validationRows],
    ["test", data.split.test],
  ]);
  const { router, addLogits } = fitRouter(config, validation!);
  const bundleFolder = join(options.runFolder, "bundle");
  await saveBundle(bundleFolder, {
    name: config.name,
    recipe: "corella",
    runConfig: options.configText,
    catalogue: data.catalogue,
    log: data.log,
    crm: { config: config.crm, values: models.crm, featureMap: data.featureMap },
    llm: models.llm,
    router,
  });
  return { bundleFolder, data, phases, test: test!, router, addLogits };
}

type RunPhase = (name: string, title: string, create: () => Promise<PhaseSpec>) => Promise<Values>;

/** The decoder; its values are there, or a stage of the run makes them. */
interface LlmDesign extends Pick<BaseLlm, "config" | "tokenizer"> {
  values(run: RunPhase): Promise<Values>;
}

async function designLlm(
  config: RunConfig,
  options: TrainingOptions,
  { runtime, data, seed }: StageInputs,
): Promise<LlmDesign> {
  const { base } = config.llm;
  if (base.kind === "pretrained") {
    const folder = isHubReference(base.folder) ? base.folder : resolve(options.baseFolder, base.folder);
    const { values, ...design } = await loadBase(folder, base.chat, options.listener?.note);
    return { ...design, values: async () => values };
  }
  const { texts, template } = scratchTexts(data, config.prompt);
  const design = await designScratch(texts, base, template);
  return {
    ...design,
    values: (run) =>
      run("stage-0", "Stage 0: pre-training the language model", () =>
        pretrainingStage(runtime, seed, design, texts, base, config.llm),
      ),
  };
}

function requireTest(rows: ArrayLike<number>): void {
  if (rows.length > 0) return;
  throw new CorellaError({
    code: "config/no-test",
    message: "The test part has no samples, so there is nothing to compare the models on.",
    place: "data.split",
    remedy: "Give the test part a share, for example [0.8, 0.1, 0.1].",
  });
}

/** Widths of the CRM's interaction layers, from one sample on the reference runtime. */
async function hiddenWidths(data: PreparedData, crm: Part<CrmOutput>): Promise<number[]> {
  const program: Program = {
    ...crm,
    forward: (scope) => ({
      outputs: Object.fromEntries(
        crm.forward(scope).hiddenStates.map((state, layer) => [String(layer), state]),
      ),
    }),
  };
  const zeros: Values = {};
  for (const [name, { shape }] of Object.entries(crm.params))
    zeros[name] = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (const [name, { rows, dim }] of Object.entries(crm.tables)) zeros[name] = new Float32Array(rows * dim);
  const inference = await eagerRuntime("cpu").infer(program, zeros);
  const batch = encodeRows(data.featureMap, data.log, data.split.train.subarray(0, 1));
  const outputs = await inference.run(idFeeds(data.featureMap.features, batch));
  return Object.values(outputs).map((output) => output.shape.at(-1)!);
}

/**
 * By default every interaction layer is aligned, with as many of the last blocks.
 * @param available widths of the interaction layers @param blocks of the decoder
 */
function projectionConfig(config: RunConfig, available: readonly number[], blocks: number): ProjectionConfig {
  const { width, power, llmLayers, crmLayers } = config.stages.joint.projection;
  const crmSide = crmLayers ?? available.map((_, i) => i + 1);
  const llmSide = llmLayers ?? crmSide.map((_, j) => blocks - crmSide.length + 1 + j);
  const bad =
    llmSide.length !== crmSide.length ||
    llmSide.some((block) => block < 1 || block > blocks) ||
    crmSide.some((layer) => layer < 1 || layer > available.length) ||
    new Set(crmSide.map((layer) => available[layer - 1])).size > 1;
  if (bad) {
    throw new CorellaError({
      code: "config/projection",
      message: `Blocks [${llmSide.join(", ")}] of ${blocks} cannot be aligned with interaction layers [${crmSide.join(", ")}] of ${available.length}.`,
      place: "stages.joint.projection",
      remedy: "Name as many llmLayers as crmLayers, of layers that exist and are equally wide.",
    });
  }
  return { width, power, llmLayers: llmSide, crmLayers: crmSide };
}

function copyOf(values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.slice()]));
}

function prefixed(values: Values, prefix: string): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]));
}

/** The values whose names begin with a prefix, which is replaced. */
function pickPrefix(values: Values, prefix: string, replacement: string): Values {
  const picked: Values = {};
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith(prefix)) picked[`${replacement}${name.slice(prefix.length)}`] = value;
  }
  return picked;
}
