import {
  itemEventsOfRecords,
  type Catalogue,
  type FeatureMap,
  type RatingRecord,
  type RunningStatistics,
} from "@corella/modality";
import type { RoutingSignals } from "@corella/routing";
import type { Router } from "./router.ts";

/** What counts the events of items: a CRM's features, with what they have counted. */
export interface ItemCounting {
  readonly featureMap: Pick<FeatureMap, "statistics" | "likedThreshold">;
  readonly catalogue: Catalogue;
  /** What was counted up to now; may be absent where every record brings its own. */
  readonly statistics?: RunningStatistics | undefined;
}

/**
 * What is known of records before the LLM is asked. A record that tells no `earlier` tells all of its user's events.
 * @param counting absent, or with a feature map that does not count items: nothing is known of the items' events
 * @throws CorellaError `features/no-statistics`
 */
export function routingSignals(records: readonly RatingRecord[], counting?: ItemCounting): RoutingSignals {
  const itemEvents =
    counting && itemEventsOfRecords(counting.featureMap, records, counting.catalogue, counting.statistics);
  return {
    historyLengths: Uint32Array.from(records, ({ history }) => history.length),
    userEvents: Uint32Array.from(records, ({ history, earlier = 0 }) => history.length + earlier),
    ...(itemEvents === undefined ? {} : { itemEvents }),
  };
}

/** Whether a router of a bundle reads how many events items had. */
export function readsItemEvents({ policy, mix }: Router): boolean {
  return (
    (policy.kind === "gain" && policy.model.counts?.some(({ of }) => of === "itemEvents") === true) ||
    (mix.kind === "addLogits" && mix.segments?.divisions.some(({ by }) => by === "itemEvents") === true)
  );
}
