import { defaultKind } from "@corella/configuration";
import { z } from "zod";

/** A decoder that is made and pre-trained in the run: the embedded default, small enough for two cores. */
export interface ScratchConfig {
  readonly kind: "scratch";
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly feedForwardSize: number;
  /** Next-token prediction on the item texts and the training users' histories; with dense supervision the answers of these alone. */
  readonly pretraining: {
    readonly steps: number;
    /** Sequences of a step. */
    readonly batchSize: number;
    /** Tokens of a sequence. */
    readonly sequenceLength: number;
    readonly learningRate: number;
    readonly weightDecay: number;
    readonly warmupSteps: number;
  };
}

/** A decoder of one's own: a folder as Hugging Face lays it out. */
export interface PretrainedConfig {
  readonly kind: "pretrained";
  /** Folder with config.json, tokenizer.json and safetensors, relative to the configuration file; or `hf:owner/name[@revision]`. */
  readonly folder: string;
  /** Prompts are a user's turn in the chat format of an instruct model. */
  readonly chat: boolean;
  /** In a chat: what the system says before the user's turn. */
  readonly system?: string | undefined;
}

const positiveInteger = z.int().positive();

/** The strict schema of `llm.base`, with every default; whoever names a folder need not say that it is a pre-trained one. */
export const baseSchema: z.ZodType<ScratchConfig | PretrainedConfig, unknown> = defaultKind(
  z.discriminatedUnion("kind", [
    z
      .strictObject({
        kind: z.literal("scratch"),
        vocabularySize: positiveInteger.default(4096),
        hiddenSize: positiveInteger.default(128),
        layers: positiveInteger.default(4),
        heads: positiveInteger.default(4),
        keyValueHeads: positiveInteger.default(2),
        feedForwardSize: positiveInteger.default(384),
        pretraining: z
          .strictObject({
            steps: positiveInteger.default(400),
            batchSize: positiveInteger.default(16),
            sequenceLength: positiveInteger.default(128),
            learningRate: z.number().positive().default(3e-3),
            weightDecay: z.number().nonnegative().default(0.1),
            warmupSteps: z.int().nonnegative().default(20),
          })
          .prefault({}),
      })
      .refine(({ hiddenSize, heads }) => hiddenSize % (2 * heads) === 0, {
        path: ["heads"],
        error: "hiddenSize must be so many times an even number, the width of a head",
      })
      .refine(({ heads, keyValueHeads }) => heads % keyValueHeads === 0, {
        path: ["keyValueHeads"],
        error: "heads must be a multiple of it",
      }),
    z
      .strictObject({
        kind: z.literal("pretrained"),
        folder: z.string().min(1),
        chat: z.boolean().default(false),
        system: z.string().trim().min(1).optional(),
      })
      .refine(({ chat, system }) => chat || system === undefined, {
        path: ["system"],
        error: "only a chat has a message of the system: chat must be true",
      }),
  ]),
  (keys) => (keys.includes("folder") ? "pretrained" : "scratch"),
);
