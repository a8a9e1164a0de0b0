import type { Bundle, Histories } from "@corella/bundle";
import { CorellaError, formatError } from "@corella/errors";
import { saidOfEvents } from "@corella/modality";
import { openServedState, openStore } from "@corella/store";
import type { EventsSince } from "./complete-record.ts";
import { createStoreHealth } from "./store-health.ts";

/** What is known of a bundle that was opened. */
interface OpenedBundle {
  readonly histories: Histories;
  /** Tells its contents from all others. */
  readonly version: string;
  readonly log: (line: string) => void;
}

/** Events that are kept until they are closed. */
export interface KeptEvents extends EventsSince {
  close(): Promise<void>;
}

/**
 * Opens a store of events, and counts those that came since a bundle's log ended.
 * @param place a file, or the URL of a Redis server
 * @throws CorellaError those of `openStore`; `serve/bad-option` for a prompt that says running statistics of events, which a store
 * does not keep with them
 */
export async function openEvents(
  place: string,
  bundle: Bundle,
  { histories, version, log }: OpenedBundle,
): Promise<KeptEvents> {
  const { catalogue, featureMap, prompt } = bundle;
  const ties = bundle.historyTies ?? "exclude";
  const likedThreshold = featureMap?.likedThreshold ?? prompt!.likedThreshold;
  const statistics = await bundle.runningStatistics();
  if (saidOfEvents(statistics?.plan).length > 0) throw noStatisticsOfEvents();
  const store = await openStore(place);
  try {
    const state = await openServedState(
      store,
      { version, histories, catalogue, ties, likedThreshold, statistics },
      { onSnapshotError: (error) => log(`what was counted could not be kept: ${formatError(error)}`) },
    );
    if (state.missed > 0)
      log(`${state.missed} events were trimmed from the store before this bundle counted them`);
    return {
      state,
      historyLength: bundle.historyLength ?? prompt!.historyLength,
      ties,
      health: createStoreHealth(log),
      async close() {
        await state.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
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
