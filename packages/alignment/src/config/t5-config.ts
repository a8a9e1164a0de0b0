import { defaultKind } from "@corella/configuration";
import { z } from "zod";

interface T5Settings {
  /** Rows of the whole-word embeddings; 0: none are added. */
  readonly wholeWords: number;
  /** Longer texts lose history, oldest first. */
  readonly maxTokens: number;
}

/** A T5 that is made in the run, with a tokenizer of the run's own texts. */
export interface ScratchT5Config extends T5Settings {
  readonly kind: "scratch";
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  /** Blocks of the encoder, and as many of the decoder. */
  readonly layers: number;
  readonly heads: number;
  readonly feedForwardSize: number;
}

/** A T5 of one's own, as Hugging Face lays it out. */
export interface PretrainedT5Config extends T5Settings {
  readonly kind: "pretrained";
  /** Folder with config.json, tokenizer.json and safetensors, relative to the configuration file. */
  readonly folder: string;
}

/** The encoder-decoder of the recipe p5. */
export type T5ModelConfig = ScratchT5Config | PretrainedT5Config;

const positiveInteger = z.int().positive();

const settings = (maxTokens: number) => ({
  wholeWords: z.union([z.literal(0), z.int().min(2)]).default(512),
  maxTokens: positiveInteger.default(maxTokens),
});

/** The strict schema of `t5`, with every default; whoever names a folder need not say that it is a pre-trained one. */
export const t5Schema: z.ZodType<T5ModelConfig, unknown> = defaultKind(
  z.discriminatedUnion("kind", [
    z
      .strictObject({
        kind: z.literal("scratch"),
        vocabularySize: positiveInteger.default(4096),
        hiddenSize: positiveInteger.default(64),
        layers: positiveInteger.default(2),
        heads: positiveInteger.default(4),
        feedForwardSize: positiveInteger.default(256),
        ...settings(192),
      })
      .refine(({ hiddenSize, heads }) => hiddenSize % heads === 0, {
        path: ["heads"],
        error: "hiddenSize must be a multiple of it",
      }),
    z.strictObject({ kind: z.literal("pretrained"), folder: z.string().min(1), ...settings(512) }),
  ]),
  (keys) => (keys.includes("folder") ? "pretrained" : "scratch"),
);
