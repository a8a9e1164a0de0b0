import type { RatingRecord } from "@corella/modality";
import { heardRows, mix, route, type RoutingPolicy, type RoutingSignals } from "@corella/routing";
import { answerUnless, degradationBy, type Degradation } from "./degradation.ts";
import type { Lane } from "./lane.ts";
import { checkModels, modelNames, type ModelName } from "./models.ts";
import type { Router } from "./router.ts";
import { routingSignals } from "./routing-signals.ts";

/** The answer to one record. */
export interface Prediction {
  readonly probability: number;
  /** Which model had the last word: `llm` for samples that it answered, and for all where there is no CRM. */
  readonly route: ModelName;
  /** Entropy of the CRM's answer in nats (eq. 1); only where there is a CRM. */
  readonly entropy?: number;
  /** Only where there is a CRM. */
  readonly pCrm?: number;
  /** Only for samples that the LLM answered. */
  readonly pLlm?: number;
  /** The sample was routed to the LLM, which did not answer: `probability` is the CRM's, and this says why. */
  readonly degraded?: Degradation;
  /**
   * Features of the CRM whose value the record lacked, by name, and `context.device` and the like that the prompt says: the
   * models answered as if they were missing. Only of the Predictor of a bundle, and where there are some.
   */
  readonly missing?: readonly string[];
}

/** What one call of a Predictor may choose. */
export interface ScoreOptions {
  /** Another policy than the bundle's, for example `{kind: "none"}` or a budget. A Predictor of one model has nothing to route. */
  readonly policy?: RoutingPolicy | undefined;
  /** Aborted when nobody waits for any answer: the call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Aborted when the LLM is waited for no longer, for example `AbortSignal.timeout(30_000)`: its samples keep the CRM's answer. */
  readonly llmSignal?: AbortSignal | undefined;
}

/** The whole of inference (method section 2): CRM, routing by entropy, LLM for the hard samples, mixing; or one model alone. */
export interface Predictor {
  /**
   * Answers records, in their order. The CRM scores them once and they are routed once, whatever becomes of the LLM: what it
   * owes keeps the CRM's answer and is marked as degraded.
   * @throws what the CRM's lane throws, without a CRM what the LLM's lane throws or the reason of `llmSignal`, and the reason of `signal`
   */
  score(records: readonly RatingRecord[], options?: ScoreOptions): Promise<Prediction[]>;
  dispose(): Promise<void>;
}

/**
 * Makes a Predictor of lanes: of both models with a router, or of one model that answers every sample.
 * @param signalsOf what the router may know of records before the LLM is asked; default: what they tell of their users
 * @throws CorellaError `bundle/empty` without a lane, `bundle/router` when the router does not fit the lanes
 */
export function createPredictor(
  { crm, llm }: { readonly crm?: Lane | undefined; readonly llm?: Lane | undefined },
  router?: Router,
  signalsOf: (records: readonly RatingRecord[]) => RoutingSignals = routingSignals,
): Predictor {
  const lanes = { crm, llm };
  const models = modelNames.filter((model) => lanes[model] !== undefined);
  checkModels(models, router !== undefined, "lanes");
  return {
    async score(records, options = {}) {
      if (records.length === 0) return [];
      if (crm === undefined) return scoreByLlm(llm!, records, options);
      const pCrm = await answerUnless(options.signal, crm, records);
      if (llm === undefined) return scoredByCrm(pCrm, route(pCrm, { kind: "none" }).entropy);
      return scoreHard(llm, records, pCrm, { ...router!, signals: signalsOf(records) }, options);
    },
    async dispose() {
      await Promise.all([crm?.dispose(), llm?.dispose()]);
    },
  };
}

async function scoreByLlm(
  llm: Lane,
  records: readonly RatingRecord[],
  options: ScoreOptions,
): Promise<Prediction[]> {
  const pLlm = await answerUnless(eitherOf(options), llm, records);
  return Array.from(pLlm, (probability) => ({ probability, route: "llm", pLlm: probability }));
}

function scoredByCrm(pCrm: Float32Array, entropy: Float32Array): Prediction[] {
  return Array.from(pCrm, (probability, row) => ({
    probability,
    route: "crm",
    entropy: entropy[row]!,
    pCrm: probability,
  }));
}

/** Routes what the CRM answered, and asks the LLM about the hard samples. */
async function scoreHard(
  llm: Lane,
  records: readonly RatingRecord[],
  pCrm: Float32Array,
  { signals, ...router }: Router & { readonly signals: RoutingSignals },
  options: ScoreOptions,
): Promise<Prediction[]> {
  const { toLlm: sent, entropy } = route(pCrm, options.policy ?? router.policy, signals);
  // Who names a policy wants its answers, listened to or not.
  const toLlm = options.policy === undefined ? heardRows(sent, router.mix, pCrm.length, signals) : sent;
  const predictions = scoredByCrm(pCrm, entropy);
  if (toLlm.length === 0) return predictions;
  const hard = Array.from(toLlm, (row) => ({ ...records[row]!, pCrm: pCrm[row]! }));
  try {
    const pLlm = await answerUnless(eitherOf(options), llm, hard);
    // What is no probability is no answer.
    const probability = mix(pCrm, pLlm, toLlm, router.mix, signals);
    for (const [i, row] of toLlm.entries())
      predictions[row] = {
        ...predictions[row]!,
        probability: probability[row]!,
        route: "llm",
        pLlm: pLlm[i]!,
      };
  } catch (error) {
    options.signal?.throwIfAborted();
    const degraded = degradationBy(error, options.llmSignal);
    for (const row of toLlm) predictions[row] = { ...predictions[row]!, degraded };
  }
  return predictions;
}

/** The LLM is waited for until anyone says that it is not. */
function eitherOf({ signal, llmSignal }: ScoreOptions): AbortSignal | undefined {
  if (signal === undefined || llmSignal === undefined) return signal ?? llmSignal;
  return AbortSignal.any([signal, llmSignal]);
}
