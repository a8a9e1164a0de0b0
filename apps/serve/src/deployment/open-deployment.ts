import { loadPredictor, openBundle, type LoadOptions, type ModelName, type Predictor } from "@corella/bundle";
import type { RatingRecord } from "@corella/modality";
import type { LlmLimits } from "@corella/serving";
import type { EventStore } from "@corella/store";
import type { Metrics } from "../operations/metrics.ts";
import type { Tracing } from "../operations/tracing.ts";
import type { LaneSettings } from "../options/lanes.ts";
import type { Log } from "../operations/log.ts";
import { completeRecords } from "./complete-record.ts";
import { createDeployment } from "./deployment.ts";
import type { Served } from "./deployments.ts";
import { exampleRequest } from "./example.ts";
import { describeBundle } from "./info.ts";
import { serveLanes, type ServedLanes } from "./lanes.ts";
import { modelInputs } from "./model-inputs.ts";
import { openEvents } from "./open-events.ts";
import { tellPromptCuts } from "./prompt-cuts.ts";
import { warmUp } from "./warm-up.ts";

/** How bundles are served. */
export interface OpenOptions extends Pick<
  LoadOptions,
  "runtime" | "prefixCacheBytes" | "remoteLlm" | "oneByOne"
> {
  readonly lanes: LaneSettings;
  /** Counts what the lanes do. */
  readonly metrics?: Metrics | undefined;
  /** Follows requests through the lanes. */
  readonly tracing?: Tracing | undefined;

  /** What it is called; default: what the bundle says. */
  readonly name?: string | undefined;
  /** Stays open when the deployment is disposed. */
  readonly store?: EventStore | undefined;
  readonly llmTimeoutMs?: number | undefined;
  readonly log: Log;
}

/** A bundle that was opened to be served. */
export interface OpenedDeployment extends Served {
  readonly folder: string;
  /** Resolves when all models were loaded and have answered a sample; rejects when one could not. */
  readonly loaded: Promise<unknown>;
  /** How many prompts are cut, in a sentence; undefined where there is nothing to say. */
  promptCuts(): Promise<string | undefined>;
}

/**
 * Opens the bundle in a folder. What is wrong with its files or with the store is known at once; its models are loaded meanwhile, each
 * in a thread of its own.
 * @throws CorellaError those of `openBundle`, `openEvents`
 */
export async function openDeployment(folder: string, options: OpenOptions): Promise<OpenedDeployment> {
  const { name, store, log, llmTimeoutMs, lanes: settings, metrics, tracing, ...load } = options;
  const bundle = await openBundle(folder);
  const histories = await bundle.histories();
  const { bundle: own, ...described } = await describeBundle(bundle, histories);
  const info = { ...described, bundle: { ...own, name: name ?? own.name } };
  const { catalogue } = bundle;
  const example = exampleRequest(bundle, histories);
  const events = store && (await openEvents(store, bundle, { histories, version: info.bundle.version, log }));
  const lanes = serveLanes(bundle, settings, {
    remoteLlm: load.remoteLlm !== undefined,
    log,
    observerOf: metrics && ((model) => metrics.lane(model)),
    traceOf: tracing && ((model) => tracing.lane(model)),
  });
  const endWatches = metrics === undefined ? [] : watchLanes(metrics, bundle.models, lanes);
  const loadWarm = async (): Promise<Predictor> => {
    const predictor = await loadPredictor(bundle, { ...load, ...lanes.load, workers: true });
    try {
      const [completed] = await completeRecords([example], { histories, catalogue, events });
      await warmUp(predictor, [nobody(catalogue.ids[0]), completed!.record], {
        mayLackLlm: load.remoteLlm !== undefined,
        log,
      });
      return predictor;
    } catch (error) {
      await predictor.dispose();
      throw error;
    }
  };
  const loaded = loadWarm();
  // Whoever waits for it hears of it; nobody has to.
  loaded.catch(() => {});
  return {
    folder,
    loaded,
    deployment: createDeployment({
      predictor: loaded,
      histories,
      catalogue,
      ties: bundle.historyTies,
      events,
      info,
      inputs: modelInputs(bundle),
      example,
      log,
      llmTimeoutMs,
      timeoutMs: settings.deadline,
    }),
    promptCuts: () => tellPromptCuts(bundle, histories),
    async dispose() {
      for (const end of endWatches) end();
      await loaded.then(
        (predictor) => predictor.dispose(),
        () => {},
      );
      await events?.close();
    },
  };
}

/** Shows what waits for each model, and what is left of the LLM's budget; returns what ends that. */
function watchLanes(metrics: Metrics, models: readonly ModelName[], lanes: ServedLanes): (() => void)[] {
  const { budget } = lanes;
  const limits = budget === undefined ? [] : (Object.keys(budget.left) as (keyof LlmLimits)[]);
  return [
    ...models.map((model) =>
      metrics.watchLane(model, () => lanes.queue(model)?.waiting ?? { rows: 0, bytes: 0 }),
    ),
    ...limits
      .filter((limit) => budget!.left[limit] !== undefined)
      .map((limit) => metrics.watchBudget(limit, () => budget!.left[limit]!)),
  ];
}

/** A sample that any bundle can score. */
function nobody(item = "probe"): RatingRecord {
  return { user: null, item, history: [] };
}
