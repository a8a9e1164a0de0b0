import { defaultKind } from "@corella/configuration";
import { z } from "zod";

interface TowerSettings {
  /** What stands for a text: the mean of its tokens' last states, or the state of the first token. */
  readonly pooling: "mean" | "first";
  /** Longer texts lose tokens after the first, so that the target at the end stays. */
  readonly maxTokens: number;
  /** Of the tower's own weights. */
  readonly learningRate: number;
}

/** A text tower that is made in the run. */
export interface ScratchTowerConfig extends TowerSettings {
  readonly kind: "scratch";
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly feedForwardSize: number;
}

/** A text tower of one's own: a BERT as Hugging Face lays it out, MiniLM among them. */
export interface PretrainedTowerConfig extends TowerSettings {
  readonly kind: "pretrained";
  /** Folder with config.json, tokenizer.json and safetensors, relative to the configuration file. */
  readonly folder: string;
}

/** The text tower of the recipe ctrl: an encoder of the BERT family. */
export type TextTowerConfig = ScratchTowerConfig | PretrainedTowerConfig;

const positiveInteger = z.int().positive();

const settings = (learningRate: number) => ({
  pooling: z.enum(["mean", "first"]).default("mean"),
  maxTokens: positiveInteger.default(128),
  learningRate: z.number().positive().default(learningRate),
});

/** The strict schema of `textTower`, with every default; whoever names a folder need not say that it is a pre-trained one. */
export const textTowerSchema: z.ZodType<TextTowerConfig, unknown> = defaultKind(
  z.discriminatedUnion("kind", [
    z
      .strictObject({
        kind: z.literal("scratch"),
        vocabularySize: positiveInteger.default(4096),
        hiddenSize: positiveInteger.default(64),
        layers: positiveInteger.default(2),
        heads: positiveInteger.default(2),
        feedForwardSize: positiveInteger.default(256),
        ...settings(1e-3),
      })
      .refine(({ hiddenSize, heads }) => hiddenSize % heads === 0, {
        path: ["heads"],
        error: "hiddenSize must be a multiple of it",
      }),
    z.strictObject({ kind: z.literal("pretrained"), folder: z.string().min(1), ...settings(5e-5) }),
  ]),
  (keys) => (keys.includes("folder") ? "pretrained" : "scratch"),
);
