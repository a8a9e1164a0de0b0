import { z } from "zod";

/** The families of prompts that P5 learns from, the one by which samples are scored first. */
export const promptFamilies = ["preference", "rating", "sequential", "direct"] as const;

/** A family of prompts: like or dislike, how many points, which item comes next, which of several items. */
export type PromptFamily = (typeof promptFamilies)[number];

/** The pre-training of the recipe p5. */
export interface P5Config {
  /** Prompts with their answers, of all families together. */
  readonly samples: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Share of the steps over which the learning rate grows; then it falls along a line to 0. */
  readonly warmup: number;
  /** Of the gradients' common norm. */
  readonly clipNorm: number;
  /** How much of the samples each family is, as parts of their sum. */
  readonly mixture: Readonly<Record<PromptFamily, number>>;
  /** Items among which `direct` asks for the one that was liked. */
  readonly candidates: number;
  /** Behind the token of an item stands what `prompt.historyItem` and `prompt.target` say of it; else the token alone, as in the paper. */
  readonly words: boolean;
  /** Jinja that stands before preference and rating prompts, and knows what `prompt.template` knows; empty as in the paper. */
  readonly about: string;
}

const positiveInteger = z.int().positive();
const part = (value: number) => z.number().nonnegative().default(value);

/** The strict schema of `stages.p5`, with every default. */
export const p5Schema: z.ZodType<P5Config, unknown> = z.strictObject({
  samples: positiveInteger.default(60_000),
  epochs: positiveInteger.default(1),
  batchSize: positiveInteger.default(64),
  learningRate: z.number().positive().default(1e-3),
  weightDecay: z.number().nonnegative().default(0.01),
  warmup: z.number().min(0).lt(1).default(0.05),
  clipNorm: z.number().positive().default(1),
  mixture: z
    .strictObject({ preference: part(3), rating: part(1), sequential: part(0.5), direct: part(0.5) })
    .refine(({ preference }) => preference > 0, {
      path: ["preference"],
      error: "samples are scored by its question: it must be learned",
    })
    .prefault({}),
  candidates: z.int().min(2).default(10),
  words: z.boolean().default(false),
  about: z.string().default(""),
});
