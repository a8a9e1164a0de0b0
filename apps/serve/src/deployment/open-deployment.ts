import { loadPredictor, openBundle, type LoadOptions, type Predictor } from "@corella/bundle";
import type { RatingRecord } from "@corella/modality";
import type { EventStore } from "@corella/store";
import type { Log } from "../operations/log.ts";
import { completeRecords } from "./complete-record.ts";
import { createDeployment } from "./deployment.ts";
import type { Served } from "./deployments.ts";
import { exampleRequest } from "./example.ts";
import { describeBundle } from "./info.ts";
import { openEvents } from "./open-events.ts";
import { tellPromptCuts } from "./prompt-cuts.ts";
import { warmUp } from "./warm-up.ts";

/** How bundles are served. */
export interface OpenOptions extends Pick<LoadOptions, "runtime" | "prefixCacheBytes" | "remoteLlm"> {
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
  const { name, store, log, llmTimeoutMs, ...load } = options;
  const bundle = await openBundle(folder);
  const histories = await bundle.histories();
  const { bundle: own, ...described } = await describeBundle(bundle, histories);
  const info = { ...described, bundle: { ...own, name: name ?? own.name } };
  const { catalogue } = bundle;
  const example = exampleRequest(bundle, histories);
  const events = store && (await openEvents(store, bundle, { histories, version: info.bundle.version, log }));
  const loadWarm = async (): Promise<Predictor> => {
    const predictor = await loadPredictor(bundle, { ...load, workers: true });
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
      events,
      info,
      example,
      log,
      llmTimeoutMs,
    }),
    promptCuts: () => tellPromptCuts(bundle, histories),
    async dispose() {
      await loaded.then(
        (predictor) => predictor.dispose(),
        () => {},
      );
      await events?.close();
    },
  };
}

/** A sample that any bundle can score. */
function nobody(item = "probe"): RatingRecord {
  return { user: null, item, history: [] };
}
