import type { Bundle, Histories } from "@corella/bundle";
import { CorellaError, formatError } from "@corella/errors";
import { saidOfEvents } from "@corella/modality";
import { type EventStore, openServedState } from "@corella/store";
import type { Log } from "../operations/log.ts";
import type { EventsSince } from "./complete-record.ts";
import { createStoreHealth } from "./store-health.ts";

/** What is known of a bundle that was opened. */
interface OpenedBundle {
  readonly histories: Histories;
  /** Tells its contents from all others. */
  readonly version: string;
  readonly log: Log;
}

/** Events that are counted until they are closed. */
export interface KeptEvents extends EventsSince {
  /** The store stays open: others may count its events too. */
  close(): Promise<void>;
}

/**
 * Attaches a bundle to a store of events, and counts those that came since its log ended.
 * @throws CorellaError those of the store; `serve/bad-option` for a prompt that says running statistics of events, which a store
 * does not keep with them
 */
export async function openEvents(
  store: EventStore,
  bundle: Bundle,
  { histories, version, log }: OpenedBundle,
): Promise<KeptEvents> {
  const { catalogue, featureMap, prompt } = bundle;
  const ties = bundle.historyTies ?? "exclude";
  const likedThreshold = featureMap?.likedThreshold ?? prompt!.labelThreshold ?? prompt!.likedThreshold;
  const historyLength = bundle.historyLength ?? prompt!.historyLength;
  if (historyLength > store.limits.userEvents) throw longHistory(historyLength, store.limits.userEvents);
  const statistics = await bundle.runningStatistics();
  if (saidOfEvents(statistics?.plan).length > 0) throw noStatisticsOfEvents();
  const state = await openServedState(
    store,
    { version, histories, catalogue, ties, likedThreshold, statistics },
    { onSnapshotError: (error) => log(`what was counted could not be kept: ${formatError(error)}`) },
  );
  if (state.missed > 0)
    log(`${state.missed} events were trimmed from the store before this bundle counted them`);
  return {
    state,
    historyLength,
    ties,
    health: createStoreHealth(log),
    close: () => state.close(),
  };
}

function longHistory(length: number, kept: number): CorellaError {
  return new CorellaError({
    code: "serve/bad-option",
    message: `The models of this bundle look at ${length} events before a sample, and a store keeps the newest ${kept} of a user.`,
    place: "--store",
    remedy: "Leave --store out, or train with a shorter data.history.maxLength.",
  });
}

function noStatisticsOfEvents(): CorellaError {
  return new CorellaError({
    code: "serve/bad-option",
    message:
      "The prompt of this bundle says what was known before each event of a history, and a store keeps events without that.",
    place: "--store",
    remedy:
      "Leave --store out and tell later events in requests, or train with a prompt that says no statistics of events.",
  });
}
