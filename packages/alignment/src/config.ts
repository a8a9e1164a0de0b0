import { CorellaError, nearestName } from "@corella/errors";
import { dataConfigSchema, featureConfigSchema, promptSchema } from "@corella/modality";
import { z } from "zod";

const positiveInteger = z.int().positive();
const share = z.number().min(0).max(1);

/** A decoder that is made and pre-trained in the run: the embedded default, small enough for two cores. */
const scratchSchema = z.strictObject({
  kind: z.literal("scratch"),
  vocabularySize: positiveInteger.default(4096),
  hiddenSize: positiveInteger.default(128),
  layers: positiveInteger.default(4),
  heads: positiveInteger.default(4),
  keyValueHeads: positiveInteger.default(2),
  feedForwardSize: positiveInteger.default(384),
  /** Next-token prediction on the item texts and the training users' histories. */
  pretraining: z
    .strictObject({
      steps: positiveInteger.default(400),
      /** Sequences of a step. */
      batchSize: positiveInteger.default(16),
      /** Tokens of a sequence. */
      sequenceLength: positiveInteger.default(128),
      learningRate: z.number().positive().default(3e-3),
      weightDecay: z.number().nonnegative().default(0.1),
      warmupSteps: z.int().nonnegative().default(20),
    })
    .prefault({}),
});

/** A decoder of one's own: a folder as Hugging Face lays it out. */
const pretrainedSchema = z.strictObject({
  kind: z.literal("pretrained"),
  /** Folder with config.json, tokenizer.json and safetensors; relative to the configuration file. */
  folder: z.string().min(1),
});

const loraSchema = z.strictObject({
  rank: positiveInteger.default(8),
  alpha: z.number().positive().default(16),
  dropout: share.default(0),
  targetModules: z.array(z.string().min(1)).min(1).default(["q_proj", "v_proj"]),
  rsLora: z.boolean().default(false),
});

/** Stage 1, CRM warm-up on all training data. */
const warmUpSchema = z.strictObject({
  epochs: positiveInteger.default(5),
  batchSize: positiveInteger.default(1024),
  learningRate: z.number().positive().default(1e-3),
  embeddingL2: z.number().nonnegative().default(0),
  networkL2: z.number().nonnegative().default(0),
  /** Looks at the validation part in an epoch. */
  validationsPerEpoch: positiveInteger.default(2),
  /** Looks without a new best after which the stage ends. */
  patience: positiveInteger.default(4),
});

const llmTuningFields = {
  /** Size of the random subset of the training part. */
  samples: positiveInteger,
  epochs: positiveInteger.default(1),
  batchSize: positiveInteger.default(32),
  learningRate: z.number().positive().default(1e-3),
  weightDecay: z.number().nonnegative().default(0),
  warmupSteps: z.int().nonnegative().default(10),
};

/** Stage 2, joint training with alignment. */
const jointSchema = z.strictObject({
  ...llmTuningFields,
  samples: positiveInteger.default(8000),
  crmLearningRate: z.number().positive().default(1e-4),
  /** Eq. 4. */
  weights: z
    .strictObject({
      llm: z.number().nonnegative().default(1),
      crm: z.number().nonnegative().default(1),
      calibration: z.number().nonnegative().default(0.1),
    })
    .prefault({}),
  projection: z
    .strictObject({
      width: positiveInteger.default(64),
      power: z.number().positive().default(2),
      /** Decoder blocks from 1; default: as many of the last as the CRM has interaction layers. */
      llmLayers: z.array(positiveInteger).optional(),
      /** Interaction layers from 1; default: all. */
      crmLayers: z.array(positiveInteger).optional(),
    })
    .prefault({}),
  /** Looks at the CRM's validation result in an epoch. */
  validationsPerEpoch: positiveInteger.default(5),
  /** The see-saw: after so many looks without a new best of the CRM, the stage ends. */
  patience: positiveInteger.default(3),
});

/** Stage 3, LLM alone on another random subset. */
const llmAloneSchema = z.strictObject({ ...llmTuningFields, samples: positiveInteger.default(8000) });

export const runConfigSchema: z.ZodType<RunConfig> = z.strictObject({
  /** Folder name under `runs/`. */
  name: z
    .string()
    .regex(/^[\w][\w.-]*$/, "must be a plain folder name")
    .default("default"),
  seed: z.int().nonnegative().default(1),
  /** Threads of one session. */
  threads: positiveInteger.default(2),
  data: dataConfigSchema,
  features: z.array(featureConfigSchema).min(1),
  prompt: promptSchema.prefault({}),
  /** `model` and the parameters of that model; see the README of @corella/crm. */
  crm: z.looseObject({ model: z.string() }),
  llm: z.strictObject({
    base: z.discriminatedUnion("kind", [scratchSchema, pretrainedSchema]),
    lora: loraSchema.prefault({}),
    /** Longer prompts lose history, oldest first. */
    maxTokens: positiveInteger.default(128),
    /** Tokens that are scored at once. */
    tokenBudget: positiveInteger.default(4096),
  }),
  stages: z
    .strictObject({
      warmUp: warmUpSchema.prefault({}),
      joint: jointSchema.prefault({}),
      llmAlone: llmAloneSchema.prefault({}),
    })
    .prefault({}),
  routing: z
    .strictObject({
      /** Share of the samples, the least certain, that goes to the LLM. */
      share: share.default(0.3),
      /** `replace`: the paper's; `addLogits`: with a weight learned on the validation part. */
      mix: z.enum(["replace", "addLogits"]).default("addLogits"),
      /** Validation rows, random, on which the weight is learned; all when there are fewer. */
      validationSamples: positiveInteger.default(5000),
    })
    .prefault({}),
  checkpointEverySeconds: z.number().positive().default(30),
}) as unknown as z.ZodType<RunConfig>;

export type ScratchConfig = z.output<typeof scratchSchema>;
export type WarmUpConfig = z.output<typeof warmUpSchema>;
export type JointConfig = z.output<typeof jointSchema>;
export type LlmTuningConfig = z.output<typeof llmAloneSchema>;

/** Everything that makes a run; two runs with equal configurations end with equal bits. */
export interface RunConfig {
  readonly name: string;
  readonly seed: number;
  readonly threads: number;
  readonly data: z.output<typeof dataConfigSchema>;
  readonly features: z.output<typeof featureConfigSchema>[];
  readonly prompt: z.output<typeof promptSchema>;
  readonly crm: { readonly model: string; readonly [parameter: string]: unknown };
  readonly llm: {
    readonly base: ScratchConfig | z.output<typeof pretrainedSchema>;
    readonly lora: z.output<typeof loraSchema>;
    readonly maxTokens: number;
    readonly tokenBudget: number;
  };
  readonly stages: {
    readonly warmUp: WarmUpConfig;
    readonly joint: JointConfig;
    readonly llmAlone: LlmTuningConfig;
  };
  readonly routing: {
    readonly share: number;
    readonly mix: "replace" | "addLogits";
    readonly validationSamples: number;
  };
  readonly checkpointEverySeconds: number;
}

/**
 * Checks a configuration and fills in the defaults.
 * @param place the file it comes from
 * @throws CorellaError `config/unknown-key` with the nearest valid key, `config/invalid`
 */
export function parseRunConfig(input: unknown, place: string): RunConfig {
  const parsed = runConfigSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = deepest(parsed.error.issues);
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const near = nearestName(key, keysAt(issue.path.map(String)));
    throw new CorellaError({
      code: "config/unknown-key",
      message: `There is no setting ${path === "" ? key : `${path}.${key}`}.`,
      place,
      remedy: near === undefined ? "See docs/configuration.md for the settings." : `Did you mean ${near}?`,
    });
  }
  throw new CorellaError({
    code: "config/invalid",
    message: `${path === "" ? "The configuration" : path}: ${issue.message}.`.replace(/\.+$/, "."),
    place,
    remedy: "See docs/configuration.md for the settings.",
  });
}

/** Issues of the alternatives of a union are inside it; the deepest one is the most telling. */
function deepest(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  let best = issues[0]!;
  for (const issue of issues) {
    const inner =
      issue.code === "invalid_union" && issue.errors.length > 0
        ? deepest(issue.errors.flat().map((nested) => ({ ...nested, path: [...issue.path, ...nested.path] })))
        : issue;
    if (inner.path.length > best.path.length || best.code === "invalid_union") best = inner;
  }
  return best;
}

type JsonSchema = {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
};

/** The setting names that are valid at a path. */
function keysAt(path: readonly string[]): string[] {
  let places: JsonSchema[] = [
    z.toJSONSchema(runConfigSchema, { io: "input", unrepresentable: "any" }) as JsonSchema,
  ];
  const alternatives = (schema: JsonSchema): JsonSchema[] => [
    schema,
    ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap(alternatives),
  ];
  for (const key of path) {
    places = places
      .flatMap(alternatives)
      .flatMap((schema) => [schema.properties?.[key], /^\d+$/.test(key) ? schema.items : undefined])
      .filter((schema) => schema !== undefined);
  }
  return places.flatMap(alternatives).flatMap((schema) => Object.keys(schema.properties ?? {}));
}
