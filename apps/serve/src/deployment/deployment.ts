import type { Degradation, Histories, Prediction, Predictor } from "@corella/bundle";
import { CorellaError, formatError } from "@corella/errors";
import type { Catalogue } from "@corella/modality";
import { completeRecords, type EventsSince } from "./complete-record.ts";
import type { ServiceInfo } from "./info.ts";
import { policyOf } from "./llm-use.ts";
import { createReadiness, type Readiness } from "./readiness.ts";
import { requireFitting, type LlmUse, type RequestPath, type Sample } from "./sample.ts";

/** What a deployment is made of. */
export interface DeploymentParts {
  /** May still be loading: until then nothing is scored. */
  readonly predictor: Predictor | Promise<Predictor>;
  readonly histories: Histories;
  readonly catalogue: Catalogue;
  /** Takes events, and knows those since the bundle's log ended; undefined: the bundle's own are all. */
  readonly events?: EventsSince | undefined;
  readonly info: ServiceInfo;
  /** A sample that can be scored, for whoever looks. */
  readonly example: Sample;
  /** Takes a line for what goes wrong. */
  readonly log: (line: string) => void;
  /** Wait for the LLM before the CRM's answer is given, or without a CRM an error. Default 30,000. */
  readonly llmTimeoutMs?: number | undefined;
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
  /** The sample was for the LLM, which did not answer. */
  readonly degraded?: true;
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
   * @throws CorellaError `serve/loading`, `serve/no-model`, those of `requireFitting`, `completeRecords` and of the models
   */
  score(samples: readonly Sample[], options?: ScoringOptions): Promise<Answer[]>;
}

/** Makes a deployment of the parts of a bundle. */
export function createDeployment(parts: DeploymentParts): Deployment {
  const { info, log, llmTimeoutMs = 30_000 } = parts;
  const readiness = createReadiness(parts.predictor, {
    probe: { user: null, item: parts.catalogue.ids[0] ?? "probe", history: [] },
    hasCrm: info.models.crm !== undefined,
  });
  const noteDegraded = (degraded: Degradation | undefined): void => {
    if (degraded === undefined) return;
    const { reason, cause } = degraded;
    // Slowness and prompts that are too long say nothing about the model.
    if (isLaneFailure(cause)) readiness.suspect();
    const why = reason === "failed" ? formatError(cause) : (cause as Error).message;
    log(`the LLM did not answer, the CRM did: ${why}`);
  };
  const { catalogue, histories, events, example } = parts;
  return {
    catalogue,
    histories,
    events,
    info,
    example,
    readiness,
    async score(samples, { llm = "auto", pathOf = () => [], signal } = {}) {
      for (const [index, sample] of samples.entries()) requireFitting(sample, info, pathOf(index));
      const completed = await completeRecords(samples, parts);
      const policy = policyOf(llm, info.models);
      try {
        const predictions = await readiness.predictor().score(
          completed.map(({ record }) => record),
          { policy, signal, llmSignal: AbortSignal.timeout(llmTimeoutMs) },
        );
        noteDegraded(predictions.find(({ degraded }) => degraded !== undefined)?.degraded);
        return predictions.map(({ degraded, ...prediction }, row) => ({
          ...prediction,
          ...(degraded === undefined ? {} : { degraded: true as const }),
          ...(completed[row]!.coldStart ? { coldStart: true as const } : {}),
          ...(completed[row]!.unknownItem ? { unknownItem: true as const } : {}),
          ...(completed[row]!.storeDown ? { storeDown: true as const } : {}),
        }));
      } catch (error) {
        if (isLaneFailure(error)) readiness.suspect();
        throw error;
      }
    },
  };
}

function isLaneFailure(error: unknown): boolean {
  return CorellaError.isInstance(error) && error.code === "bundle/lane";
}
