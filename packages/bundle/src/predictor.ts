import type { RatingRecord } from "@corella/modality";
import { heardRows, mix, route, type RoutingPolicy, type RoutingSignals } from "@corella/routing";
import type { Admission, Admitted } from "./admission.ts";
import { answerWithin, degradationBy, overBudget, type Degradation, type Patience } from "./degradation.ts";
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
  /** Milliseconds within which there is an answer: where the CRM is late, the call rejects with a `TimeoutError`; where the LLM is, its samples keep the CRM's. */
  readonly timeoutMs?: number | undefined;
  /** Aborted when the LLM is waited for no longer: its samples keep the CRM's answer. */
  readonly llmSignal?: AbortSignal | undefined;
  /** Milliseconds that the LLM is waited for, from when it is asked: then its samples keep the CRM's answer. */
  readonly llmTimeoutMs?: number | undefined;
}

/** The whole of inference (method section 2): CRM, routing by entropy, LLM for the hard samples, mixing; or one model alone. */
export interface Predictor {
  /**
   * Answers records, in their order. The CRM scores them once and they are routed once, whatever becomes of the LLM: what it
   * owes keeps the CRM's answer and is marked as degraded.
   * @throws what the CRM's lane throws, without a CRM what the LLM's lane throws or the reason of `llmSignal`, a `TimeoutError`, and
   * the reason of `signal`
   */
  score(records: readonly RatingRecord[], options?: ScoreOptions): Promise<Prediction[]>;
  dispose(): Promise<void>;
}

/** What a router of two lanes may use beside the CRM's answers. */
export interface RoutingOptions {
  /** What the router may know of records before the LLM is asked; default: what they tell of their users. */
  readonly signalsOf?: ((records: readonly RatingRecord[]) => RoutingSignals) | undefined;
  /** Keeps the LLM's work within a budget over calls; default: all that is routed goes. */
  readonly admission?: Admission | undefined;
}

/**
 * Makes a Predictor of lanes: of both models with a router, or of one model that answers every sample.
 * @throws CorellaError `bundle/empty` without a lane, `bundle/router` when the router does not fit the lanes
 */
export function createPredictor(
  { crm, llm }: { readonly crm?: Lane | undefined; readonly llm?: Lane | undefined },
  router?: Router,
  { signalsOf = routingSignals, admission }: RoutingOptions = {},
): Predictor {
  const lanes = { crm, llm };
  const models = modelNames.filter((model) => lanes[model] !== undefined);
  checkModels(models, router !== undefined, "lanes");
  return {
    async score(records, options = {}) {
      if (records.length === 0) return [];
      if (crm === undefined) return scoreByLlm(llm!, records, options);
      const startedMs = performance.now();
      const { signal, timeoutMs } = options;
      const pCrm = await answerWithin({ signal, timeoutMs }, crm, records);
      if (llm === undefined) return scoredByCrm(pCrm, route(pCrm, { kind: "none" }).entropy);
      const left = timeoutMs === undefined ? undefined : timeoutMs - (performance.now() - startedMs);
      const deciding = { ...router!, signals: signalsOf(records), admission };
      return scoreHard(llm, records, pCrm, deciding, { ...options, timeoutMs: left });
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
  const pLlm = await answerWithin(patienceWithLlm(options), llm, records);
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
  {
    signals,
    admission,
    ...router
  }: Router & { readonly signals: RoutingSignals; readonly admission: Admission | undefined },
  options: ScoreOptions,
): Promise<Prediction[]> {
  const chosen = options.policy !== undefined;
  const policy = options.policy ?? admission?.policy ?? router.policy;
  const { toLlm: sent, entropy } = route(pCrm, policy, signals);
  // Who names a policy wants its answers, listened to or not.
  const hard = chosen ? sent : heardRows(sent, router.mix, pCrm.length, signals);
  const predictions = scoredByCrm(pCrm, entropy);
  const mark = (rows: Uint32Array, degraded: Degradation): void => {
    for (const row of rows) predictions[row] = { ...predictions[row]!, degraded };
  };
  const admitted: Admitted = admission?.admit({ entropy, toLlm: hard, chosen }) ?? {
    rows: hard,
    refused: none,
  };
  const { rows: toLlm, refused } = admitted;
  if (refused.length > 0) mark(refused, overBudget());
  if (toLlm.length === 0) return predictions;
  const asked = Array.from(toLlm, (row) => ({ ...records[row]!, pCrm: pCrm[row]! }));
  try {
    const pLlm = await answerWithin(patienceWithLlm(options), llm, asked);
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
    mark(toLlm, degradationBy(error, options.llmSignal));
  } finally {
    admitted.settle?.();
  }
  return predictions;
}

const none = new Uint32Array(0);

/** The LLM is waited for until anyone says that it is not. */
function patienceWithLlm({ signal, timeoutMs, llmSignal, llmTimeoutMs }: ScoreOptions): Patience {
  const limits = [timeoutMs, llmTimeoutMs].filter((limit) => limit !== undefined);
  return {
    signal:
      signal === undefined || llmSignal === undefined
        ? (signal ?? llmSignal)
        : AbortSignal.any([signal, llmSignal]),
    timeoutMs: limits.length === 0 ? undefined : Math.min(...limits),
  };
}
