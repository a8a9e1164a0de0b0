import type { RatingRecord } from "@corella/modality";
import { mix, route, type MixRule, type RoutingPolicy } from "@corella/routing";

/** One of the two models as the Predictor sees it, in this thread or in another. */
export interface Lane {
  /** Probability of a positive answer for each record. */
  score(records: readonly RatingRecord[], signal?: AbortSignal): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export interface Router {
  readonly policy: RoutingPolicy;
  readonly mix: MixRule;
}

export interface Prediction {
  readonly probability: number;
  /** Which model had the last word: `llm` for samples that were routed to it. */
  readonly route: "crm" | "llm";
  /** Of the CRM's answer, in nats (eq. 1). */
  readonly entropy: number;
  readonly pCrm: number;
  /** Only for samples that were routed to the LLM. */
  readonly pLlm?: number;
}

export interface ScoreOptions {
  /** Another policy than the bundle's, for example `{kind: "none"}` or a budget. */
  readonly policy?: RoutingPolicy | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The whole of inference (method section 2): CRM, routing by entropy, LLM for the hard samples, mixing. */
export interface Predictor {
  score(records: readonly RatingRecord[], options?: ScoreOptions): Promise<Prediction[]>;
  dispose(): Promise<void>;
}

export function createPredictor(lanes: { crm: Lane; llm: Lane }, router: Router): Predictor {
  return {
    async score(records, options = {}) {
      if (records.length === 0) return [];
      const pCrm = await lanes.crm.score(records, options.signal);
      const { toLlm, entropy } = route(pCrm, options.policy ?? router.policy);
      const hard = Array.from(toLlm, (row) => records[row]!);
      const pLlm = hard.length === 0 ? new Float32Array(0) : await lanes.llm.score(hard, options.signal);
      const probability = mix(pCrm, pLlm, toLlm, router.mix);
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
      await Promise.all([lanes.crm.dispose(), lanes.llm.dispose()]);
    },
  };
}
