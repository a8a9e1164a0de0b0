import type { Degradation, Histories, Prediction, Predictor, ScoreOptions } from "@corella/bundle";
import { CorellaError, formatError } from "@corella/errors";
import type { Catalogue, RatingRecord } from "@corella/modality";
import { isTimeout } from "@corella/serving";
import { completeRecords, type CompletedRecord, type EventsSince } from "./complete-record.ts";
import { explainRouting, type Explanation } from "./explanation.ts";
import type { ServiceInfo } from "./info.ts";
import { policyOf } from "./llm-use.ts";
import type { ModelInputs } from "./model-inputs.ts";
import { createReadiness, type Readiness } from "./readiness.ts";
import { requireFitting, type LlmUse, type RequestPath, type Sample } from "./sample.ts";

/** What a deployment is made of. */
export interface DeploymentParts {
  /** May still be loading: until then nothing is scored. */
  readonly predictor: Predictor | Promise<Predictor>;
  readonly histories: Histories;
  readonly catalogue: Catalogue;
  /** Which events of a sample's own time are before it. Default `exclude`. */
  readonly ties?: "exclude" | "order" | undefined;
  /** Takes events, and knows those since the bundle's log ended; undefined: the bundle's own are all. */
  readonly events?: EventsSince | undefined;
  readonly info: ServiceInfo;
  /** What its models read of a record. */
  readonly inputs: ModelInputs;
  /** A sample that can be scored, for whoever looks. */
  readonly example: Sample;
  /** Takes a line for what goes wrong. */
  readonly log: (line: string) => void;
  /** Wait for the LLM before the CRM's answer is given, or without a CRM an error. Default 30,000. */
  readonly llmTimeoutMs?: number | undefined;
  /** Milliseconds for a whole request: a late LLM is answered for by the CRM. Default: no limit. */
  readonly timeoutMs?: number | undefined;
}

/** How samples are scored. */
export interface ScoringOptions {
  /** Default `auto`. */
  readonly llm?: LlmUse | undefined;
  /** Where a sample stands in the request, for errors; default: it is the request. */
  readonly pathOf?: ((index: number) => RequestPath) | undefined;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined;
}

/** The answer to a sample. */
export interface Answer extends Omit<Prediction, "degraded"> {
  /** The sample was for the LLM, which did not answer: this is the CRM's. */
  readonly degraded?: true;
  /** Why, where it is degraded. */
  readonly fallback?: Degradation["reason"];
  /** Neither the user nor any of their past is known. */
  readonly coldStart?: true;
  /** Nobody has told the attributes of the item. */
  readonly unknownItem?: true;
  /** The store of events did not answer: what came since the bundle's log ended is missing. */
  readonly storeDown?: true;
}

/** One bundle that answers, whatever protocol asks. */
export interface Deployment extends Pick<
  DeploymentParts,
  "catalogue" | "histories" | "events" | "info" | "example"
> {
  readonly readiness: Readiness;
  /**
   * Scores samples, in their order, completed with what is known of their users and items.
   * @throws CorellaError `serve/loading`, `serve/busy`, `serve/no-model`, those of `requireFitting`, `completeRecords` and of the models
   */
  score(samples: readonly Sample[], options?: ScoringOptions): Promise<Answer[]>;
  /**
   * What `score` says of a sample with `llm: "auto"`, what it comes from, and what each model says: the LLM is asked whatever the router
   * says. `degraded` says that it did not answer.
   * @throws CorellaError those of `score`
   */
  explain(sample: Sample, options?: Pick<ScoringOptions, "signal">): Promise<Answer & Explanation>;
}

/** Makes a deployment of the parts of a bundle. */
export function createDeployment(parts: DeploymentParts): Deployment {
  const { info, log, llmTimeoutMs = 30_000, timeoutMs } = parts;
  const readiness = createReadiness(parts.predictor, {
    probe: { user: null, item: parts.catalogue.ids[0] ?? "probe", history: [] },
    hasCrm: info.models.crm !== undefined,
  });
  const noteDegraded = (degraded: Degradation | undefined): void => {
    if (degraded === undefined) return;
    const { reason, cause } = degraded;
    // Under load that is every other request, and nothing is wrong.
    if (reason === "full" || reason === "budget") return;
    // Slowness and prompts that are too long say nothing about the model.
    if (isLaneFailure(cause)) readiness.suspect();
    const why = reason === "failed" ? formatError(cause) : (cause as Error).message;
    log(`the LLM did not answer, the CRM did: ${why}`);
  };
  const predict = async (
    records: readonly RatingRecord[],
    startedMs: number,
    options: Pick<ScoreOptions, "policy" | "signal">,
  ): Promise<Prediction[]> => {
    const leftMs = timeoutMs === undefined ? undefined : timeoutMs - (performance.now() - startedMs);
    try {
      const predictions = await readiness
        .predictor()
        .score(records, { ...options, llmTimeoutMs, timeoutMs: leftMs });
      if (!predictions.every(({ probability }) => Number.isFinite(probability))) throw noNumber();
      noteDegraded(predictions.find(({ degraded }) => degraded !== undefined)?.degraded);
      return predictions;
    } catch (error) {
      if (isLaneFailure(error)) readiness.suspect();
      if (isBusy(error, info.models.crm !== undefined)) throw busy(error);
      // What the router says of a CRM's answer that is none.
      const isNone = CorellaError.isInstance(error) && error.code === "routing/not-a-probability";
      throw isNone ? noNumber(error) : error;
    }
  };
  const { catalogue, histories, events, example, inputs } = parts;
  return {
    catalogue,
    histories,
    events,
    info,
    example,
    readiness,
    async score(samples, { llm = "auto", pathOf = () => [], signal } = {}) {
      const startedMs = performance.now();
      for (const [index, sample] of samples.entries()) {
        const before = samples[index - 1];
        // Candidates of one user tell the same.
        if (sample.history !== before?.history || sample.context !== before?.context)
          requireFitting(sample, info, pathOf(index));
      }
      const completed = await completeRecords(samples, parts);
      const records = completed.map(({ record }) => record);
      const predictions = await predict(records, startedMs, { policy: policyOf(llm, info.models), signal });
      return predictions.map((prediction, row) => answerOf(prediction, completed[row]!));
    },
    async explain(sample, { signal } = {}) {
      const startedMs = performance.now();
      requireFitting(sample, info, []);
      const [completed] = await completeRecords([sample], parts);
      const record = inputs.asked(completed!.record);
      const { router } = info;
      const [prediction] = await predict([record], startedMs, { policy: router && { kind: "all" }, signal });
      const { pCrm } = prediction!;
      const [features, prompt, signals] = await Promise.all([
        inputs.features(record),
        inputs.prompt({ ...record, pCrm }),
        inputs.signals(record),
      ]);
      return {
        ...answerOf(prediction!, completed!),
        ...(router === undefined || pCrm === undefined
          ? {}
          : explainRouting(router, { ...prediction!, pCrm }, signals)),
        record: { ...record, itemAttributes: record.itemAttributes ?? catalogue.attributesOf(record.item) },
        ...(features === undefined ? {} : { features }),
        ...(prompt === undefined ? {} : { prompt }),
      };
    },
  };
}

/** A prediction as it is told. */
function answerOf(
  { degraded, ...prediction }: Prediction,
  { coldStart, unknownItem, storeDown }: CompletedRecord,
): Answer {
  return {
    ...prediction,
    ...(degraded === undefined ? {} : { degraded: true as const, fallback: degraded.reason }),
    ...(coldStart ? { coldStart: true as const } : {}),
    ...(unknownItem ? { unknownItem: true as const } : {}),
    ...(storeDown ? { storeDown: true as const } : {}),
  };
}

function noNumber(cause?: CorellaError): CorellaError {
  return new CorellaError({
    code: "serve/no-number",
    message: "What a model says of a sample is not a number.",
    remedy: "Send attributes, ratings and times of the size that the data have.",
    cause,
  });
}

function isLaneFailure(error: unknown): boolean {
  return CorellaError.isInstance(error) && error.code === "bundle/lane";
}

/** Whether a model had too much to do. */
function isBusy(error: unknown, hasCrm: boolean): boolean {
  if (CorellaError.isInstance(error))
    return error.code === "serving/full" || error.code === "serving/expired";
  // An LLM that is late by itself is slow; a CRM has been waiting.
  return hasCrm && isTimeout(error);
}

function busy(cause: unknown): CorellaError {
  return new CorellaError({
    code: "serve/busy",
    message: "The server has more to do than it can.",
    remedy: "Try again after the time of the header retry-after.",
    cause,
  });
}
