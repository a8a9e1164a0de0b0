import type { Attributes, HistoryEvent } from "@corella/modality";
import { z } from "zod";
import type { LlmUse } from "../deployment/sample.ts";
import { attributes, id, rating, time } from "./fields.ts";

/** An event of a history, as a request tells it. */
export const historyEventSchema: z.ZodType<HistoryEvent> = z
  .strictObject({ item: id, rating, time: time.optional(), context: attributes.optional() })
  .meta({ id: "HistoryEvent" });

/** Who is asked about, and when: all that a sample has besides its item. */
export const askedFields: {
  readonly user: z.ZodOptional<z.ZodNullable<z.ZodString>>;
  readonly history: z.ZodOptional<z.ZodArray<z.ZodType<HistoryEvent>>>;
  readonly earlier: z.ZodOptional<z.ZodInt>;
  readonly userAttributes: z.ZodOptional<z.ZodType<Attributes>>;
  readonly context: z.ZodOptional<z.ZodType<Attributes>>;
  readonly time: z.ZodOptional<z.ZodNumber>;
} = {
  user: id.nullish(),
  history: z.array(historyEventSchema).max(1000).optional(),
  earlier: z.int().nonnegative().optional(),
  userAttributes: attributes.optional(),
  context: attributes.optional(),
  time: time.optional(),
};

/** An item that is asked about. */
export const itemFields: {
  readonly item: z.ZodString;
  readonly itemAttributes: z.ZodOptional<z.ZodType<Attributes>>;
} = { item: id, itemAttributes: attributes.optional() };

/** All fields of a sample, in the order in which errors name them. */
const { user, ...otherAsked } = askedFields;
export const sampleFields: typeof askedFields & typeof itemFields = { user, ...itemFields, ...otherAsked };

/** Whether the LLM may answer. */
export const llmUse: z.ZodDefault<z.ZodType<LlmUse>> = z.enum(["auto", "never", "always"]).default("auto");
