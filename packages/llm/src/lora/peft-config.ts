import { z } from "zod";
import { parseContent } from "../files/parse-config.ts";

/** Something of PEFT that changes the result and that we lack: it must be off. */
function lacking(feature: string): z.ZodOptional<z.ZodType<unknown>> {
  const isOff = (value: unknown): boolean =>
    value == null || value === false || (typeof value === "object" && Object.keys(value).length === 0);
  return z
    .unknown()
    .refine(isOff, { error: `${feature} is not supported` })
    .optional();
}

const names = z.union([z.array(z.string()), z.string()]);

/** PEFT's ways to begin that leave the base's weights alone; the others change them again on loading. */
const plainStarts = ["gaussian", "eva", "orthogonal", "mica"];

/** The content of adapter_config.json, as far as it matters. */
export interface PeftConfig {
  readonly r: number;
  readonly lora_alpha: number;
  readonly lora_dropout: number;
  /** Ends of names, or a regular expression. */
  readonly target_modules: readonly string[] | string;
  readonly exclude_modules?: readonly string[] | string | null | undefined;
  readonly layers_to_transform?: readonly number[] | number | null | undefined;
  /** Names of the lists of layers, by default any. */
  readonly layers_pattern?: readonly string[] | string | null | undefined;
  /** Other ranks, by regular expressions of modules' names. */
  readonly rank_pattern?: Readonly<Record<string, number>> | null | undefined;
  readonly alpha_pattern?: Readonly<Record<string, number>> | null | undefined;
  readonly use_rslora?: boolean | null | undefined;
  readonly use_dora?: boolean | null | undefined;
  /** Modules that are replaced as a whole. */
  readonly modules_to_save?: readonly string[] | null | undefined;
  /** A head that is the embedding matrix stays so. */
  readonly ensure_weight_tying?: boolean | null | undefined;
  readonly base_model_name_or_path?: string | null | undefined;
}

const peftConfig: z.ZodType<PeftConfig, unknown> = z.looseObject({
  peft_type: z.literal("LORA", { error: (issue) => `${JSON.stringify(issue.input)} is not supported` }),
  // PEFT's defaults, which some files leave out.
  r: z.int().positive().default(8),
  lora_alpha: z.number().positive().default(8),
  lora_dropout: z.number().min(0).lt(1).default(0),
  // PEFT's choice for these architectures, where a file makes none.
  target_modules: z
    .union([z.array(z.string()).min(1), z.string()])
    .nullish()
    .transform((targets) => targets ?? ["q_proj", "v_proj"]),
  exclude_modules: names.nullish(),
  layers_to_transform: z.union([z.int(), z.array(z.int())]).nullish(),
  layers_pattern: names.nullish(),
  rank_pattern: z.record(z.string(), z.int().positive()).nullish(),
  alpha_pattern: z.record(z.string(), z.number().positive()).nullish(),
  use_rslora: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  modules_to_save: z.array(z.string()).nullish(),
  ensure_weight_tying: z.boolean().nullish(),
  base_model_name_or_path: z.string().nullish(),
  init_lora_weights: z
    .union([z.boolean(), z.string()])
    .refine((start) => typeof start === "boolean" || plainStarts.includes(start), {
      error: (issue) =>
        `an adapter that began as ${JSON.stringify(issue.input)} also changes the base's weights, which is not supported`,
    })
    .nullish(),
  use_qalora: lacking("QALoRA"),
  lora_bias: lacking("a bias of the adapter"),
  layer_replication: lacking("repeating layers"),
  trainable_token_indices: lacking("training single embeddings"),
  target_parameters: lacking("adapting parameters that are not a linear layer's"),
  alora_invocation_tokens: lacking("an adapter that begins at invocation tokens"),
  arrow_config: lacking("Arrow"),
  kasa_config: lacking("KaSA"),
  monteclora_config: lacking("MonteCLoRA"),
  use_bdlora: lacking("BD-LoRA"),
});

/**
 * Reads the content of adapter_config.json, and refuses what would change the model in a way that we lack.
 * @param place the file, for the error
 * @throws CorellaError `llm/adapter-config` with the first field that is wrong or not supported
 */
export function parsePeftConfig(json: unknown, place: string): PeftConfig {
  return parseContent(peftConfig, json, place, {
    code: "llm/adapter-config",
    whole: "The config",
    remedy:
      "LoRA, rsLoRA and DoRA of linear layers, embeddings and head are supported; merge others with PEFT's merge_and_unload.",
  });
}
