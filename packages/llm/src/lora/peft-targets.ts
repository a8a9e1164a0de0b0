import { CorellaError } from "@corella/errors";
import type { DecoderConfig } from "../config/decoder.ts";
import {
  loraModules,
  loraTargets,
  type LoraConfig,
  type MatrixAdapter,
  type VocabularyAdapter,
} from "./lora.ts";
import { projections, type Projection } from "../config/params.ts";
import { nameInModel } from "../config/stored-names.ts";
import type { PeftConfig } from "./peft-config.ts";
import { vocabularyModules, vocabularyNames, type VocabularyMatrix } from "./vocabulary.ts";

/** What the file of an adapter tells of the model that it was trained on. */
export interface AdapterFile {
  /** A module's name there. */
  keyOf(module: string): string;
  /** Whether it holds a tensor, by the decoder's name for it. */
  has(name: string): boolean;
}

/**
 * The adapter's settings that an adapter_config.json means for a decoder, by PEFT's rules for names and regular
 * expressions.
 * @throws CorellaError `llm/adapter-config` for modules that cannot be adapted
 */
export function loraOf(
  config: DecoderConfig,
  peft: PeftConfig,
  place: string,
  { keyOf, has }: AdapterFile,
): LoraConfig {
  const fail = (message: string): CorellaError =>
    new CorellaError({
      code: "llm/adapter-config",
      message,
      place,
      remedy: `Adapters may target ${[...new Set(all.map(({ name }) => name))].join(", ")}, embed_tokens and lm_head.`,
    });
  const all = projections(config);
  const isTarget = targets(peft, fail);
  const chosen = all.filter(({ module }) => isTarget(keyOf(module), false));
  const vocabulary = vocabularyOf(peft, isTarget, { keyOf, has }, fail);
  if (chosen.length === 0 && vocabulary === undefined)
    throw fail("target_modules: there is none of these modules in the model.");
  const [rankOf, alphaOf] = [peft.rank_pattern, peft.alpha_pattern].map((values) => patterns(values, fail));
  const lora = {
    rank: peft.r,
    alpha: peft.lora_alpha,
    dropout: peft.lora_dropout,
    rsLora: peft.use_rslora === true,
    ...(peft.use_dora === true ? { dora: true } : {}),
    ...(vocabulary === undefined ? {} : { vocabulary }),
  };
  const modules = Object.fromEntries(
    chosen.map(({ module }) => {
      const key = keyOf(module);
      return [module, { rank: rankOf!(key) ?? lora.rank, alpha: alphaOf!(key) ?? lora.alpha }];
    }),
  );
  const targetModules = [...new Set(chosen.map(({ name }): Projection => name))];
  const isUniform =
    all.every(({ module, name }) => targetModules.includes(name) === Object.hasOwn(modules, module)) &&
    Object.values(modules).every(({ rank, alpha }) => rank === lora.rank && alpha === lora.alpha);
  return isUniform ? { ...lora, targetModules } : { ...lora, modules };
}

/**
 * What becomes of embeddings and head; undefined: nothing.
 * @throws CorellaError `llm/adapter-config`
 */
function vocabularyOf(
  peft: PeftConfig,
  isTarget: (key: string, isEmbedding: boolean) => boolean,
  { keyOf, has }: AdapterFile,
  fail: Fail,
): VocabularyAdapter | undefined {
  const saved = peft.modules_to_save ?? [];
  const keys = { embedding: keyOf(vocabularyModules.embedding), head: keyOf(vocabularyModules.head) };
  // What only pictures pass through changes no text's answer.
  const ofPictures = /^(.*\.)?(vision_tower|vision_model|multi_modal_projector)\b/;
  const other = saved.find(
    (end) => !Object.values(keys).some((key) => key.endsWith(end)) && !ofPictures.test(end),
  );
  if (other !== undefined)
    throw fail(`modules_to_save: replacing the module ${JSON.stringify(other)} is not supported.`);
  const [rankOf, alphaOf] = [peft.rank_pattern, peft.alpha_pattern].map((values) => patterns(values, fail));
  const keepsTied = peft.ensure_weight_tying === true;
  const ofMatrix = (matrix: VocabularyMatrix): MatrixAdapter => {
    const [key, weight] = [keys[matrix], `${vocabularyModules[matrix]}.weight`];
    const isSaved = saved.some((end) => key.endsWith(end));
    const isAdapted = !isSaved && isTarget(key, true);
    if (isAdapted && keepsTied) throw fail("ensure_weight_tying: LoRA of tied matrices is not supported.");
    if (isAdapted && matrix === "embedding" && peft.use_dora === true)
      throw fail("use_dora: DoRA of embeddings is not supported.");
    return {
      // Beside LoRA of either, PEFT may keep the matrices themselves.
      base: !isSaved && (has(vocabularyNames(matrix).base) || has(weight)),
      saved: isSaved,
      lora: isAdapted ? { rank: rankOf!(key) ?? peft.r, alpha: alphaOf!(key) ?? peft.lora_alpha } : undefined,
    };
  };
  const [embedding, head] = [ofMatrix("embedding"), ofMatrix("head")];
  const isNothing = [embedding, head].every((own) => !own.base && !own.saved && own.lora === undefined);
  return isNothing ? undefined : { embedding, head, keepsTied };
}

/**
 * The fields of an adapter_config.json that say what is adapted: names of linear maps, or single modules where they are
 * not alike.
 */
export function peftTargets(config: DecoderConfig, lora: LoraConfig): Record<string, unknown> {
  // A vision tower has a q_proj too, so the text model's modules are then named one by one.
  if (lora.modules === undefined && config.multimodal !== true)
    return { target_modules: [...loraTargets(lora)].sort() };
  const modules = loraModules(config, lora).map((shape) => ({
    ...shape,
    module: nameInModel(config, shape.module),
  }));
  const other = (field: "rank" | "alpha"): Record<string, number> =>
    Object.fromEntries(
      modules
        .filter((module) => module[field] !== lora[field])
        .map((module) => [module.module, module[field]]),
    );
  return {
    target_modules: modules.map(({ module }) => module).sort(),
    rank_pattern: other("rank"),
    alpha_pattern: other("alpha"),
  };
}

type Fail = (message: string) => CorellaError;

/** PEFT's `check_target_module_exists`. */
function targets(peft: PeftConfig, fail: Fail): (key: string, isEmbedding: boolean) => boolean {
  const { target_modules: wanted, exclude_modules: unwanted, layers_to_transform: layers } = peft;
  const ends = (key: string, list: readonly string[]): boolean =>
    list.some((end) => key === end || key.endsWith(`.${end}`));
  const matches = (key: string, rule: string | readonly string[]): boolean =>
    typeof rule === "string" ? pattern(`^(?:${rule})$`, fail).test(key) : ends(key, rule);
  return (key, isEmbedding) => {
    if (unwanted != null && unwanted.length > 0 && matches(key, unwanted)) return false;
    if (wanted === "all-linear") return !isEmbedding;
    if (!matches(key, wanted)) return false;
    const among = typeof layers === "number" ? [layers] : (layers ?? []);
    if (typeof wanted === "string" || wanted.includes(key) || among.length === 0) return true;
    const layer = layerOf(key, peft.layers_pattern ?? [], fail);
    return layer !== undefined && among.includes(layer);
  };
}

function layerOf(key: string, lists: string | readonly string[], fail: Fail): number | undefined {
  const given = typeof lists === "string" ? [lists] : lists;
  const expressions =
    given.length === 0
      ? [String.raw`^.*?\.[^.]*\.(\d+)\.`]
      : given.map((list) => String.raw`^(?:|.*?\.)(?:${list})\.(\d+)\.`);
  for (const expression of expressions) {
    const found = pattern(expression, fail).exec(key)?.at(-1);
    if (found !== undefined) return Number(found);
  }
  return undefined;
}

/** PEFT's `get_pattern_key`: the first expression that a module's name ends with. */
function patterns(
  values: Readonly<Record<string, number>> | null | undefined,
  fail: Fail,
): (key: string) => number | undefined {
  const entries = Object.entries(values ?? {}).map(
    ([expression, value]) => [pattern(String.raw`^(?:.*\.)?(?:${expression})$`, fail), value] as const,
  );
  return (key) => entries.find(([expression]) => expression.test(key))?.[1];
}

/** A regular expression of Python's, whose named groups are written differently. */
function pattern(expression: string, fail: Fail): RegExp {
  try {
    return new RegExp(expression.replaceAll("(?P<", "(?<"));
  } catch {
    throw fail(`The regular expression ${JSON.stringify(expression)} is not understood.`);
  }
}
