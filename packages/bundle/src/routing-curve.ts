import { z } from "zod";
import { readJson } from "./folder-files.ts";

/** What one share of the samples to the LLM brings, on validation rows that the mixing did not learn from. */
export interface RoutingPoint {
  /** Share of the rows that the LLM answers, 0..1. */
  readonly share: number;
  /** The prediction entropy, in nats, above which rows go to the LLM; null where they are ordered by predicted gain. */
  readonly threshold: number | null;
  /** Over all rows, mixed. null where there is one class only. */
  readonly auc: number | null;
  /** Over all rows, mixed, in nats. */
  readonly logLoss: number;
  /** By how much the logloss of all rows is lower than the CRM's, in nats a row. */
  readonly gain: number;
  /** Of `gain`, over users; null where it is not known. */
  readonly standardError: number | null;
}

/** Quality against the share of the samples that goes to the LLM, as the training of a bundle found it. */
export interface RoutingCurve {
  /** What orders the samples: the entropy of the CRM's answers, or the gain that a learned policy predicts. */
  readonly by: "entropy" | "gain";
  /** The smallest share whose logloss is the lowest but for one standard error. */
  readonly best: number;
  /** By ascending share, the CRM alone first. */
  readonly points: readonly RoutingPoint[];
}

/** The file of a bundle's folder that holds its routing curve; bundles of before have none. */
export const routingCurveFile = "routing-curve.json";

const routingCurveSchema = z.strictObject({
  by: z.enum(["entropy", "gain"]),
  best: z.number().min(0).max(1),
  points: z.array(
    z.strictObject({
      share: z.number().min(0).max(1),
      threshold: z.number().nullable(),
      auc: z.number().nullable(),
      logLoss: z.number(),
      gain: z.number(),
      standardError: z.number().nullable(),
    }),
  ),
});

/**
 * Reads the routing curve of a bundle's folder.
 * @throws CorellaError `bundle/damaged`
 */
export function readRoutingCurve(folder: string): Promise<RoutingCurve> {
  return readJson(folder, routingCurveFile, routingCurveSchema);
}
