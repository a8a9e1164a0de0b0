import { z } from "zod";
import { attributes } from "./fields.ts";

const statistics = z.record(z.string(), z.number());

const recordSchema = z
  .strictObject({
    user: z.string().nullable(),
    item: z.string(),
    history: z.array(
      z.strictObject({
        item: z.string(),
        rating: z.number(),
        time: z.number().optional(),
        context: attributes.optional(),
        statistics: statistics.optional(),
      }),
    ),
    earlier: z.int().optional(),
    userAttributes: attributes.optional(),
    itemAttributes: attributes.optional(),
    context: attributes.optional(),
    time: z.number().optional(),
    statistics: statistics.optional(),
  })
  .meta({ id: "CompletedRecord" });

const featureSchema = z
  .strictObject({
    name: z.string(),
    type: z.enum(["categorical", "sequence", "numeric", "vector"]),
    value: z.union([z.string(), z.number(), z.null(), z.array(z.string().nullable())]),
    input: z.number().optional(),
    state: z.enum(["missing", "unseen"]).optional(),
  })
  .meta({ id: "FeatureValue" });

const routingSchema = z
  .strictObject({
    policy: z.looseObject({ kind: z.string() }),
    value: z.number().optional(),
    threshold: z.number().optional(),
    toLlm: z.boolean(),
    why: z.string(),
    historyLength: z.int(),
    userEvents: z.int().optional(),
    itemEvents: z.int().optional(),
  })
  .meta({ id: "RoutingExplained" });

const mixSchema = z
  .strictObject({
    rule: z.looseObject({ kind: z.string() }),
    weight: z.number().optional(),
    bias: z.number().optional(),
    probability: z.number().min(0).max(1),
  })
  .meta({ id: "MixExplained" });

const promptSchema = z
  .strictObject({
    text: z.string(),
    tokens: z.int(),
    maxTokens: z.int(),
    wholeTokens: z.int(),
    events: z.int(),
    wholeEvents: z.int(),
  })
  .meta({ id: "PromptRead" });

/** What `POST /v1/explain` says beside the answer. */
export const explanationFields: z.ZodRawShape = {
  record: recordSchema,
  features: z.array(featureSchema).optional(),
  routing: routingSchema.optional(),
  mix: mixSchema.optional(),
  prompt: promptSchema.optional(),
};
