import type { RatingRecord } from "@corella/modality";
import { mix, route, type RoutingPolicy } from "@corella/routing";
import type { Lane } from "./lane.ts";
import { checkModels, type ModelName } from "./models.ts";
import type { Router } from "./router.ts";

/** The answer to one record. */
export interface Prediction {
  readonly probability: number;
  /** Which model had the last word: `llm` for samples that were routed to it, and for all where there is no CRM. */
  readonly route: ModelName;
  /** Of the CRM's answer, in nats (eq. 1); only where there is a CRM. */
  readonly entropy?: number;
  /** Only where there is a CRM. */
  readonly pCrm?: number;
  /** Only for samples that the LLM answered. */
  readonly pLlm?: number;
}

/** What one call of a Predictor may choose. */
export interface ScoreOptions {
  /** Another policy than the bundle's, for example `{kind: "none"}` or a budget. A Predictor of one model has nothing to route. */
  readonly policy?: RoutingPolicy | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The whole of inference (method section 2): CRM, routing by entropy, LLM for the hard samples, mixing; or one model alone. */
export interface Predictor {
  score(records: readonly RatingRecord[], options?: ScoreOptions): Promise<Prediction[]>;
  dispose(): Promise<void>;
}

/**
 * Makes a Predictor of lanes: of both models with a router, or of one model that answers every sample.
 * @throws CorellaError `bundle/empty` without a lane, `bundle/router` when the router does not fit the lanes
 */
export function createPredictor(
  { crm, llm }: { readonly crm?: Lane | undefined; readonly llm?: Lane | undefined },
  router?: Router,
): Predictor {
  const models = [
    ...(crm === undefined ? [] : ["crm" as const]),
    ...(llm === undefined ? [] : ["llm" as const]),
  ];
  checkModels(models, router !== undefined, "lanes");
  return {
    async score(records, options = {}) {
      if (records.length === 0) return [];
      if (crm === undefined) return llmAlone(await llm!.score(records, options.signal));
      const pCrm = await crm.score(records, options.signal);
      const policy = router === undefined ? nobody : (options.policy ?? router.policy);
      const { toLlm, entropy } = route(pCrm, policy);
      const hard = Array.from(toLlm, (row) => records[row]!);
      const pLlm = hard.length === 0 ? new Float32Array(0) : await llm!.score(hard, options.signal);
      const probability = toLlm.length === 0 ? pCrm : mix(pCrm, pLlm, toLlm, router!.mix);
      const positions = new Map(Array.from(toLlm, (row, i) => [row, i]));
      return records.map((_, row) => {
        const position = positions.get(row);
        return {
          probability: probability[row]!,
          route: position === undefined ? "crm" : "llm",
          entropy: entropy[row]!,
          pCrm: pCrm[row]!,
          ...(position === undefined ? {} : { pLlm: pLlm[position]! }),
        };
      });
    },
    async dispose() {
      await Promise.all([crm?.dispose(), llm?.dispose()]);
    },
  };
}

const nobody: RoutingPolicy = { kind: "none" };

function llmAlone(pLlm: Float32Array): Prediction[] {
  return Array.from(pLlm, (probability) => ({ probability, route: "llm", pLlm: probability }));
}
