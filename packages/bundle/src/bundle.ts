import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Values } from "@corella/engine";
import {
  chatTokenizer,
  loadAdapter,
  loadTokenizer,
  mergedReader,
  openPretrained,
  saveAdapter,
  savePretrained,
  type DecoderConfig,
  type LoraConfig,
  type OpenWeights,
  type TextTokenizer,
  type YesNoIds,
} from "@corella/llm";
import {
  promptSchema,
  type Catalogue,
  type FeatureMap,
  type InteractionLog,
  type ItemVectors,
  type PromptConfig,
} from "@corella/modality";
import { recoverFolder, writeFileAtomic, writeFolderAtomic } from "@corella/files";
import { CorellaError } from "@corella/errors";
import { z } from "zod";
import { readModality, readTrainedCrm, writeCrmFiles, type TrainedCrm } from "./crm-folder.ts";
import { readHistories, writeHistories, type Histories } from "./histories.ts";
import { readItemVectors, writeItemVectors } from "./item-vectors.ts";
import { readJson, verifyManifest, writeManifest } from "./manifest.ts";
import type { Router } from "./predictor.ts";

/** A decoder with its adapter, unmerged, and how it is asked. */
export interface TunedLlm {
  readonly config: DecoderConfig;
  readonly lora: LoraConfig;
  /** Base and adapter. */
  readonly values: Values;
  readonly tokenizer: TextTokenizer;
  readonly answers: YesNoIds;
  /** Longer prompts lose history, oldest first. */
  readonly maxTokens: number;
  /** Tokens that are scored at once. */
  readonly tokenBudget: number;
}

/** A decoder with its adapter merged, whose weights stay in the bundle until they are read. Close them after use. */
export interface OpenLlm extends Omit<TunedLlm, "lora" | "values"> {
  readonly weights: OpenWeights;
}

/** What a bundle knows of its LLM besides the weights. */
export type LlmAsking = Pick<TunedLlm, "tokenizer" | "answers" | "maxTokens">;

export interface BundleContents {
  readonly name: string;
  readonly featureMap: FeatureMap;
  readonly catalogue: Catalogue;
  readonly prompt: PromptConfig;
  /** By which the prompt chooses history, where it retrieves. */
  readonly itemVectors?: ItemVectors | undefined;
  readonly crm: TrainedCrm;
  readonly llm: TunedLlm;
  readonly router: Router;
}

/** A verified bundle. The models are read when they are asked for. */
export interface Bundle {
  readonly folder: string;
  readonly name: string;
  /** The run's configuration as YAML. */
  readonly runConfig: string;
  readonly featureMap: FeatureMap;
  readonly catalogue: Catalogue;
  readonly prompt: PromptConfig;
  readonly router: Router;
  crm(): Promise<TrainedCrm>;
  llm(): Promise<OpenLlm>;
  /** undefined where the prompt does not retrieve. */
  itemVectors(): Promise<ItemVectors | undefined>;
  /** How the LLM is asked, without its weights. */
  llmAsking(): Promise<LlmAsking>;
  histories(): Promise<Histories>;
}

const files = {
  bundle: "bundle.json",
  runConfig: "config.yaml",
  prompt: "prompt.json",
  itemVectors: "item-vectors.safetensors",
  router: "router.json",
  llm: "llm",
  adapter: "adapter",
} as const;

const factsSchema = z.strictObject({
  name: z.string(),
  answers: z.strictObject({
    yes: z.int().nonnegative(),
    no: z.int().nonnegative(),
    dangling: z.string(),
    appended: z.string(),
  }),
  maxTokens: z.int().positive(),
  tokenBudget: z.int().positive(),
  /** Prompts are a user's turn in the model's own chat format. */
  chat: z.boolean().default(false),
});

const routerSchema = z.strictObject({
  policy: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("threshold"), entropy: z.number() }),
    z.strictObject({ kind: z.literal("budget"), share: z.number().min(0).max(1) }),
    z.strictObject({ kind: z.literal("none") }),
    z.strictObject({ kind: z.literal("all") }),
  ]),
  mix: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("replace") }),
    z.strictObject({ kind: z.literal("addLogits"), weight: z.number(), bias: z.number().optional() }),
  ]),
});

/**
 * Writes a bundle: one folder with everything that a prediction needs. It appears whole or not at all.
 * @param runConfig the run's configuration as YAML, for the record
 * @param log the users' latest events come from here
 */
export async function saveBundle(
  folder: string,
  contents: BundleContents,
  runConfig: string,
  log: InteractionLog,
): Promise<void> {
  const { llm } = contents;
  await writeFolderAtomic(folder, async (temporary) => {
    const write = (file: string, value: unknown): Promise<void> =>
      writeFileAtomic(join(temporary, file), `${JSON.stringify(value, undefined, 2)}\n`);
    await write(files.bundle, {
      name: contents.name,
      answers: llm.answers,
      maxTokens: llm.maxTokens,
      tokenBudget: llm.tokenBudget,
      chat: llm.tokenizer.chat !== undefined,
    });
    await writeFileAtomic(join(temporary, files.runConfig), runConfig);
    await writeCrmFiles(temporary, contents.crm, contents);
    await write(files.prompt, contents.prompt);
    if (contents.itemVectors !== undefined)
      await writeItemVectors(join(temporary, files.itemVectors), contents.itemVectors);
    await write(files.router, contents.router);
    await savePretrained(join(temporary, files.llm), llm.config, llm.values, llm.tokenizer);
    await saveAdapter(join(temporary, files.adapter), { ...llm, baseModel: `../${files.llm}` });
    await writeHistories(temporary, log, log.history.maxLength);
    await writeManifest(temporary);
  });
}

/**
 * Opens a bundle.
 * @param options.verify check every file against the manifest's SHA-256; default true
 * @throws CorellaError `bundle/missing`, `bundle/format`, `bundle/damaged`
 */
export async function openBundle(
  folder: string,
  options: { readonly verify?: boolean } = {},
): Promise<Bundle> {
  await recoverFolder(folder);
  if (options.verify !== false) await verifyManifest(folder);
  const facts = await readJson(folder, files.bundle, factsSchema);
  const modality = await readModality(folder);
  const { catalogue } = modality;
  const prompt = await readJson(folder, files.prompt, promptSchema);
  const asked = async (tokenizer: TextTokenizer): Promise<TextTokenizer> =>
    facts.chat ? chatTokenizer(tokenizer) : tokenizer;
  return {
    folder,
    name: facts.name,
    runConfig: await readFile(join(folder, files.runConfig), "utf8"),
    ...modality,
    prompt,
    router: await readJson(folder, files.router, routerSchema),
    crm: () => readTrainedCrm(folder, modality.featureMap),
    async llm() {
      const { config, weights, tokenizer } = await openPretrained(join(folder, files.llm));
      try {
        const { lora, values } = await loadAdapter(join(folder, files.adapter), config);
        if (tokenizer === undefined) {
          throw new CorellaError({
            code: "bundle/damaged",
            message: "The bundle has no tokenizer.",
            place: join(folder, files.llm),
            remedy: "Restore the bundle from a copy, or train it again.",
          });
        }
        const merged = mergedReader(config, lora, values, weights);
        return {
          ...facts,
          config,
          tokenizer: await asked(tokenizer),
          weights: { ...merged, close: () => weights.close() },
        };
      } catch (error) {
        await weights.close();
        throw error;
      }
    },
    async itemVectors() {
      if (prompt.retrieval === "none") return undefined;
      return readItemVectors(join(folder, files.itemVectors), catalogue);
    },
    llmAsking: async () => ({
      ...facts,
      tokenizer: await asked(await loadTokenizer(join(folder, files.llm))),
    }),
    histories: () => readHistories(folder),
  };
}
