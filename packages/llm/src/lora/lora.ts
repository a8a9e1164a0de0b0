import type { ParamSpec } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import type { DecoderConfig } from "../config/decoder.ts";
import { projections, type Projection, type ProjectionShape } from "../config/params.ts";

/** Low-rank adaptation (Hu et al. 2022): y = x W^T + scale (dropout(x) A^T) B^T. */
export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  /** On the input of A, in training. Default 0. */
  readonly dropout?: number;
  /** Default q_proj and v_proj. */
  readonly targetModules?: readonly Projection[];
  /** Instead of `targetModules`, single modules by their full names, each with a rank and an alpha of its own. */
  readonly modules?: Readonly<Record<string, { readonly rank: number; readonly alpha: number }>>;
  /** Scale alpha / sqrt(rank) instead of alpha / rank (Kalajdzievski 2023). */
  readonly rsLora?: boolean;
  /**
   * DoRA (Liu et al. 2024): each row of W + scale B A is brought to a learned length, `lora_magnitude_vector` [outputs]. For merging
   * alone, as `vocabulary` is.
   */
  readonly dora?: boolean;
  /** What becomes of embeddings and head. */
  readonly vocabulary?: VocabularyAdapter;
}

/** What an adapter does to one of the two matrices with a row for each token. */
export interface MatrixAdapter {
  /** The file holds the matrix on which the adapter was trained, in place of the model's own (PEFT's `base_layer`). */
  readonly base: boolean;
  /** A whole new matrix (PEFT's `modules_to_save`). */
  readonly saved: boolean;
  readonly lora: { readonly rank: number; readonly alpha: number } | undefined;
}

/** What an adapter does to embeddings and head. */
export interface VocabularyAdapter {
  readonly embedding: MatrixAdapter;
  readonly head: MatrixAdapter;
  /** A head that is the embedding matrix stays so (PEFT's `ensure_weight_tying`); else each goes its own way. */
  readonly keepsTied: boolean;
}

const defaultTargets: readonly Projection[] = ["q_proj", "v_proj"];

/** The linear maps that an adapter changes in any layer. */
export function loraTargets(lora: LoraConfig): readonly Projection[] {
  if (lora.modules === undefined) return lora.targetModules ?? defaultTargets;
  return [...new Set(Object.keys(lora.modules).map((module) => module.split(".").at(-1) as Projection))];
}

/** The adapter of one module: rank, alpha, and the scale that follows from them. */
export interface LoraModule {
  readonly rank: number;
  readonly alpha: number;
  /** On B A. */
  readonly scale: number;
}

/**
 * The adapter's settings for one module; undefined where it leaves the module alone.
 * @param module its full name @param name the last part of it
 */
export function loraModule(lora: LoraConfig, module: string, name: Projection): LoraModule | undefined {
  const alone = lora.modules?.[module];
  if (lora.modules === undefined ? !loraTargets(lora).includes(name) : alone === undefined) return undefined;
  const { rank, alpha } = alone ?? lora;
  return { rank, alpha, scale: loraScale(lora, { rank, alpha }) };
}

/** The factor of B A. */
export function loraScale(
  { rsLora }: Pick<LoraConfig, "rsLora">,
  { rank, alpha }: { readonly rank: number; readonly alpha: number },
): number {
  return alpha / (rsLora === true ? Math.sqrt(rank) : rank);
}

/**
 * Adapters that are only ever merged are not computed beside their base, trained or saved.
 * @throws CorellaError `llm/adapter-merge`
 */
export function requirePlainLora({ dora, vocabulary }: LoraConfig, place: string): void {
  if (dora !== true && vocabulary === undefined) return;
  throw new CorellaError({
    code: "llm/adapter-merge",
    message: `An adapter with ${dora === true ? "DoRA" : "changes of embeddings or head"} cannot stand beside its base.`,
    place,
    remedy:
      "Merge it into the weights for inference: mergeAdapter, or mergedReader for weights that are read.",
  });
}

/**
 * True for the names of an adapter's own parameters, which are what is trained when the base is frozen; also behind a
 * part's prefix.
 */
export function isLoraParam(name: string): boolean {
  return /\.lora_[AB]\.weight$/.test(name);
}

/**
 * The parameters of an adapter by PEFT's names without its prefix `base_model.model.`: A [rank, inputs], B [outputs,
 * rank].
 * @throws CorellaError `llm/lora-target`
 */
export function loraParams(config: DecoderConfig, lora: LoraConfig): Record<string, ParamSpec> {
  const params: Record<string, ParamSpec> = {};
  for (const { module, outputs, inputs, rank } of loraModules(config, lora)) {
    // PEFT's first values: A kaiming-uniform with a = sqrt(5), which is U(+-1/sqrt(inputs)); B zero.
    params[`${module}.lora_A.weight`] = { shape: [rank, inputs], init: { kind: "kaimingUniform" } };
    params[`${module}.lora_B.weight`] = { shape: [outputs, rank], init: { kind: "zeros" } };
    if (lora.dora === true)
      params[`${module}.lora_magnitude_vector`] = { shape: [outputs], init: { kind: "ones" } };
  }
  return params;
}

/**
 * Every module that an adapter changes, in the order of computation.
 * @throws CorellaError `llm/lora-target` for modules that the decoder does not have, or for none at all
 */
export function loraModules(config: DecoderConfig, lora: LoraConfig): (ProjectionShape & LoraModule)[] {
  const targets = lora.modules === undefined ? loraTargets(lora) : Object.keys(lora.modules);
  const all = projections(config);
  const unknown = targets.find(
    (target) => !all.some(({ name, module }) => target === (lora.modules === undefined ? name : module)),
  );
  const isNothing = targets.length === 0 && lora.vocabulary === undefined;
  if (unknown !== undefined || isNothing) {
    throw new CorellaError({
      code: "llm/lora-target",
      message:
        unknown === undefined ? "LoRA has no target modules." : `There is no module ${unknown} for LoRA.`,
      place: "targetModules",
      remedy: `Choose among ${[...new Set(all.map(({ name }) => name))].join(", ")}.`,
    });
  }
  return all.flatMap((shape) => {
    const own = loraModule(lora, shape.module, shape.name);
    return own === undefined ? [] : [{ ...shape, ...own }];
  });
}
