import type { Bundle, LoadOptions, ModelName } from "@corella/bundle";
import { formatError } from "@corella/errors";
import {
  breakingLane,
  cpuQuota,
  createLlmBudget,
  queuedLane,
  shareThreads,
  supervisedLane,
  type LaneObserver,
  type LaneTrace,
  type LlmBudget,
  type QueuedLane,
} from "@corella/serving";
import type { LaneSettings } from "../options/lanes.ts";

/** What the lanes of a bundle are built beside. */
export interface LaneSurroundings {
  /** Whether the LLM is on a server. */
  readonly remoteLlm: boolean;
  readonly log: (line: string) => void;
  /** Told of batches and drops of a model, for metrics. */
  readonly observerOf?: ((model: ModelName) => LaneObserver) | undefined;
  /** Follows requests through a model's queue. */
  readonly traceOf?: ((model: ModelName) => LaneTrace) | undefined;
}

/** A bundle's models under load. */
export interface ServedLanes {
  /** For `loadPredictor`. */
  readonly load: Pick<LoadOptions, "around" | "threads" | "admission">;
  /** The queue before a model, once it is loaded. */
  queue(model: ModelName): QueuedLane | undefined;
  /** What the LLM may still do; undefined where nothing limits it. */
  readonly budget: LlmBudget | undefined;
}

/** Samples of a batch: the CRM takes many as fast as one, of the LLM a batch is what others wait for. */
const batchRowsOf = { crm: 1024, llm: 32 } as const;

/** Requests to a server of the LLM that are under way at once, each of one sample: it forms its own batches. */
const remoteConcurrency = 16;

/** Puts before each model of a bundle a queue, and what starts its thread again; and before the LLM its budget. */
export function serveLanes(
  bundle: Pick<Bundle, "models" | "router" | "catalogue">,
  settings: LaneSettings,
  { remoteLlm, log, observerOf, traceOf }: LaneSurroundings,
): ServedLanes {
  const queues: Partial<Record<ModelName, QueuedLane>> = {};
  const budget = budgetOf(bundle.router, settings);
  const probe = {
    user: null,
    item: bundle.catalogue.ids[0] ?? "probe",
    history: [],
    time: Math.floor(Date.now() / 1000),
  };
  const { threads, queueRows, queueBytes, batchWait: batchWaitMs } = settings;
  const local = bundle.models.filter((model) => !(model === "llm" && remoteLlm));
  return {
    budget,
    queue: (model) => queues[model],
    load: {
      threads:
        threads === undefined
          ? shareThreads(cpuQuota(), local)
          : Object.fromEntries(local.map((model) => [model, threads])),
      admission: budget,
      async around(model, open) {
        const name = model === "crm" ? "CRM" : "LLM";
        const onChange = (failure: unknown): void =>
          log(
            failure === undefined
              ? `the ${name} answers again`
              : `the ${name} ended: ${formatError(failure)}`,
          );
        const remote = model === "llm" && remoteLlm;
        const lane = remote ? breakingLane(await open()) : await supervisedLane(open, { probe, onChange });
        const observers = [observerOf?.(model), model === "llm" ? budget?.observer : undefined];
        const queue = queuedLane(lane, {
          queueRows,
          queueBytes,
          batchWaitMs,
          batchRows: remote ? 1 : (settings.batchRows ?? batchRowsOf[model]),
          concurrency: remote ? remoteConcurrency : 1,
          trace: traceOf?.(model),
          observer: allOf(observers.filter((observer) => observer !== undefined)),
        });
        queues[model] = queue;
        return queue;
      },
    },
  };
}

function budgetOf(
  router: Bundle["router"],
  { llmShare: share, llmPerSecond: perSecond, llmMsPerSecond: msPerSecond }: LaneSettings,
): LlmBudget | undefined {
  if (router === undefined) return undefined;
  const limits = { share, perSecond, msPerSecond };
  const limited = Object.values(limits).some((limit) => limit !== undefined);
  return limited || router.policy.kind === "budget" ? createLlmBudget(limits, router.policy) : undefined;
}

function allOf(observers: readonly LaneObserver[]): LaneObserver | undefined {
  if (observers.length < 2) return observers[0];
  return {
    batch(event) {
      for (const observer of observers) observer.batch(event);
    },
    dropped(event) {
      for (const observer of observers) observer.dropped(event);
    },
  };
}
