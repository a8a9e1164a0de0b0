import { answerScorings, type AnswerScoring } from "@corella/llm";
import { z } from "zod";
import type { LlmAloneConfig } from "./stages-config.ts";

/** The recipe tallrec: what it tells, how much it learns from, and how. Defaults are the paper's, but for the sizes of its training. */
export interface TallrecConfig extends Pick<
  LlmAloneConfig,
  | "epochs"
  | "batchSize"
  | "learningRate"
  | "weightDecay"
  | "warmupSteps"
  | "validationsPerEpoch"
  | "validationSamples"
  | "patience"
> {
  /** Training rows that it learns from, drawn by the run's seed; all where there are not more. */
  readonly shots: number;
  /** What is to be done. Jinja, knows what `prompt.template` knows. */
  readonly instruction: string;
  /** The sample, likewise. Empty: the wrapper without an input, whose instruction says all. */
  readonly input: string;
  /**
   * Whether the input goes on with what CRMs see: attributes of the user, the history with its ratings, the context, running statistics,
   * and the target as `prompt.target` tells it, in place of its title alone. Off in the paper's setting.
   */
  readonly features: boolean;
  /** History items that are told; undefined: 10, or as many as the window has. */
  readonly historyLength?: number | undefined;
  /** Longer prompts lose history, oldest first; undefined: as of `llm.maxTokens`. */
  readonly maxTokens?: number | undefined;
  /** How the two answers become a probability, also in the bundle. */
  readonly scoring: AnswerScoring;
  readonly lora: {
    readonly rank: number;
    readonly alpha: number;
    readonly dropout: number;
    readonly targetModules: readonly string[];
  };
}

const positiveInteger = z.int().positive();

/** The strict schema of `tallrec`, with every default. */
export const tallrecSchema: z.ZodType<TallrecConfig, unknown> = z
  .strictObject({
    shots: positiveInteger.default(64),
    instruction: z
      .string()
      .min(1)
      .default(
        'A user has told which items they liked and which they disliked. Judge whether the user will like the target item. Answer only "Yes." or "No."',
      ),
    input: z.string().default("Liked: {{liked}}\nDisliked: {{disliked}}\nTarget: {{target_item}}"),
    features: z.boolean().default(false),
    historyLength: z.int().nonnegative().optional(),
    maxTokens: positiveInteger.optional(),
    scoring: z.enum(answerScorings).default("twoWay"),
    lora: z
      .strictObject({
        rank: positiveInteger.default(8),
        alpha: z.number().positive().default(16),
        dropout: z.number().min(0).max(1).default(0.05),
        targetModules: z.array(z.string().min(1)).min(1).default(["q_proj", "v_proj"]),
      })
      .prefault({}),
    epochs: positiveInteger.default(20),
    batchSize: positiveInteger.default(16),
    learningRate: z.number().positive().default(1e-3),
    weightDecay: z.number().nonnegative().default(0),
    warmupSteps: z.int().nonnegative().default(5),
    validationsPerEpoch: z.int().nonnegative().default(1),
    validationSamples: positiveInteger.default(500),
    patience: positiveInteger.default(5),
  })
  .refine(({ input, features }) => input !== "" || !features, {
    path: ["features"],
    error: "they go on from the input: give an input, or set features to false",
  })
  .prefault({});
