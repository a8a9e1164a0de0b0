import { countNames, type MixRule, type RoutingPolicy } from "@corella/routing";
import { z } from "zod";
import { readJson } from "./folder-files.ts";

/** How the two models of a bundle share the work: which samples the LLM answers too, and how two answers become one. */
export interface Router {
  readonly policy: RoutingPolicy;
  readonly mix: MixRule;
}

/** The router's file in a bundle's folder. */
export const routerFile = "router.json";

const calibrationSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("logit"), slope: z.number(), intercept: z.number() }),
  z.strictObject({ kind: z.literal("isotonic"), at: z.array(z.number()), value: z.array(z.number()) }),
]);

const routerSchema = z.strictObject({
  policy: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("threshold"), entropy: z.number() }),
    z.strictObject({ kind: z.literal("budget"), share: z.number().min(0).max(1) }),
    z.strictObject({
      kind: z.literal("gain"),
      above: z.number(),
      model: z.strictObject({
        longestHistory: z.int().nonnegative(),
        counts: z
          .array(z.strictObject({ of: z.enum(countNames), most: z.number().nonnegative() }))
          .optional(),
        coefficients: z.array(z.number()),
      }),
    }),
    z.strictObject({ kind: z.literal("none") }),
    z.strictObject({ kind: z.literal("all") }),
  ]),
  mix: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("replace"), calibration: calibrationSchema.optional() }),
    z.strictObject({
      kind: z.literal("addLogits"),
      weight: z.number(),
      bias: z.number().optional(),
      segments: z
        .strictObject({
          divisions: z.array(z.strictObject({ by: z.enum(countNames), ends: z.array(z.number()) })).min(1),
          weights: z.array(z.number()),
          biases: z.array(z.number()),
        })
        .optional(),
    }),
  ]),
});

/** Reads the router of a bundle's folder. */
export function readRouter(folder: string): Promise<Router> {
  return readJson(folder, routerFile, routerSchema);
}
