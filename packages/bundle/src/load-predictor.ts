import { CorellaError } from "@corella/errors";
import { createPrompt, missingInputs, type RatingRecord } from "@corella/modality";
import type { Admission } from "./admission.ts";
import type { Bundle } from "./bundle.ts";
import type { Lane } from "./lane.ts";
import { openLane, type LaneOptions } from "./lanes.ts";
import { noModel, type ModelName } from "./models.ts";
import { createPredictor, type Predictor } from "./predictor.ts";
import { createRemoteLane, type RemoteLlm } from "./remote-lane.ts";
import { readsItemEvents, routingSignals, type ItemCounting } from "./routing-signals.ts";
import { startWorkerLane } from "./worker-lane.ts";

/** How the models of a bundle are run. */
export interface LoadOptions extends LaneOptions {
  /** Each model in a worker thread, so that this thread stays free; default false. */
  readonly workers?: boolean;
  /** Opens one model after the other, for a process that answers meanwhile: together they take twice the cores. Default false. */
  readonly oneByOne?: boolean | undefined;
  /** Threads of a model where they are others than the runtime's. */
  readonly threads?: Partial<Record<ModelName, number>> | undefined;
  /**
   * Puts something before a model's lane, such as a queue: gets what opens it, which may be called again when the lane has ended,
   * and gives the lane that is asked. Default: the lane itself.
   */
  readonly around?: ((model: ModelName, open: () => Promise<Lane>) => Promise<Lane>) | undefined;
  /** Keeps the LLM's work within a budget over calls. */
  readonly admission?: Admission | undefined;
  /** A server that answers in place of the bundle's own LLM, whose weights are then not read. */
  readonly remoteLlm?: RemoteLlm | undefined;
  /**
   * The time in seconds since 1970 of records that tell none, where the bundle's features or prompt have running statistics: what was
   * counted ages, and pauses grow. Default: the system's clock.
   */
  readonly now?: (() => number) | undefined;
}

/**
 * The Predictor of a bundle, with the lanes of the models that it has.
 * @throws CorellaError `bundle/no-model` when a server is named for the LLM of a bundle without one, `bundle/remote` when it is a T5, `bundle/scoring` when a T5
 * is to be scored by a double softmax; those of reading the models
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { loadPredictor, openBundle } from "@corella/bundle";
 * import { saveTinyBundle, tinyLog } from "@corella/bundle/testing";
 * import { recordAt } from "@corella/modality";
 *
 * const folder = join(await mkdtemp(join(tmpdir(), "example-")), "bundle");
 * await saveTinyBundle(folder); // in place of one that training wrote
 * const predictor = await loadPredictor(await openBundle(folder));
 * const [prediction] = await predictor.score([recordAt(tinyLog(), 7)]);
 * console.log(prediction!.probability > 0 && prediction!.probability < 1); // true
 * await predictor.dispose();
 * ```
 */
export async function loadPredictor(bundle: Bundle, options: LoadOptions = {}): Promise<Predictor> {
  const { prefixCacheBytes, scoring, remoteLlm, around = (_, open) => open() } = options;
  if (remoteLlm !== undefined && !bundle.models.includes("llm")) throw noModel("llm", bundle.folder);
  if (remoteLlm !== undefined && bundle.llmKind === "t5") throw noRemoteT5(bundle.folder);
  if (scoring === "doubleSoftmax" && bundle.llmKind === "t5") throw noScoringOfT5(bundle.folder);
  const openOnly = async (model: ModelName): Promise<Lane> => {
    if (model === "llm" && remoteLlm !== undefined) {
      const asking = await bundle.llmAsking();
      return createRemoteLane({ ...asking, scoring: scoring ?? asking.scoring }, bundle.catalogue, remoteLlm);
    }
    const threads = options.threads?.[model] ?? options.runtime?.threads;
    const laneOptions = { runtime: { ...options.runtime, threads }, prefixCacheBytes, scoring };
    return options.workers === true
      ? startWorkerLane({ folder: bundle.folder, lane: model, options: laneOptions })
      : openLane(bundle, model, laneOptions);
  };
  let before: Promise<unknown> = Promise.resolve();
  const open = (model: ModelName): Promise<Lane> => {
    const start = (): Promise<Lane> => around(model, () => openOnly(model));
    const lane = options.oneByOne === true ? before.then(start) : start();
    before = lane;
    return lane;
  };
  const opened = await Promise.allSettled(bundle.models.map(open));
  const failed = opened.find((lane) => lane.status === "rejected");
  if (failed !== undefined) {
    for (const lane of opened) if (lane.status === "fulfilled") await lane.value.dispose();
    throw failed.reason;
  }
  const lanes: Partial<Record<ModelName, Lane>> = {};
  for (const [i, lane] of opened.entries())
    if (lane.status === "fulfilled") lanes[bundle.models[i]!] = lane.value;
  const counting = await itemCounting(bundle);
  const predictor = createPredictor(lanes, bundle.router, {
    signalsOf: (records) => routingSignals(records, counting),
    admission: options.admission,
  });
  const missingOf = missingFields(bundle);
  const { now = () => Math.floor(Date.now() / 1000) } = options;
  return {
    ...predictor,
    async score(asked, choice) {
      const records = bundle.statistics === undefined ? asked : timed(asked, now());
      const predictions = await predictor.score(records, choice);
      return predictions.map((prediction, i) => {
        const missing = missingOf(records[i]!);
        return missing.length === 0 ? prediction : { ...prediction, missing };
      });
    },
  };
}

/** TALLRec's code scores decoders so. */
function noScoringOfT5(place: string): CorellaError {
  return new CorellaError({
    code: "bundle/scoring",
    message: "The bundle's language model is a T5, whose answers are scored by their two logits alone.",
    place,
    remedy: "Leave the scoring out.",
  });
}

/** Servers complete a prompt with its next token; a T5 answers in a decoder of its own. */
function noRemoteT5(folder: string): CorellaError {
  return new CorellaError({
    code: "bundle/remote",
    message: "The bundle's language model is a T5, which servers of completions cannot answer for.",
    place: folder,
    remedy: "Leave the server out: the bundle answers by itself.",
  });
}

/** What a bundle's router asks of items; undefined where it asks nothing. */
async function itemCounting({
  router,
  featureMap,
  catalogue,
  runningStatistics,
}: Bundle): Promise<ItemCounting | undefined> {
  if (router === undefined || featureMap === undefined || !readsItemEvents(router)) return undefined;
  return { featureMap, catalogue, statistics: await runningStatistics() };
}

/** What tells which inputs of a bundle's models a record lacks. */
function missingFields({ featureMap, catalogue, prompt }: Bundle): (record: RatingRecord) => string[] {
  const ofFeatures = featureMap && missingInputs(featureMap, catalogue);
  const ofPrompt = prompt && createPrompt({ ...prompt, retrieval: "none" }).context;
  return (record) => {
    const missing = ofFeatures?.(record) ?? [];
    for (const name of ofPrompt ?? [])
      if (!Object.hasOwn(record.context ?? {}, name)) missing.push(`context.${name}`);
    return missing;
  };
}

/** Records that all have a time; statistics that a record brings were counted for it already. */
function timed(records: readonly RatingRecord[], time: number): readonly RatingRecord[] {
  return records.map((record) =>
    record.time === undefined && record.statistics === undefined ? { ...record, time } : record,
  );
}
