import { CorellaError } from "@corella/errors";
import { contextAt } from "./context.ts";
import { type Attributes, decimalRating, historyLength, historyOf, type InteractionLog } from "./log.ts";

/** One earlier interaction of a user. */
export interface HistoryEvent {
  item: string;
  rating: number;
  /** Seconds since 1970. */
  time?: number | undefined;
  /** Values of the interaction itself, for running statistics that count by one; what was counted already has its own. */
  context?: Attributes | undefined;
  /** Running statistics as of the event, by the names of a prompt (`item.mean`), where the prompt says some of each event. */
  statistics?: Readonly<Record<string, number>> | undefined;
}

/** One sample, the same offline and online: whom we ask about, which item, and what the user did before. */
export interface RatingRecord {
  /** null: an anonymous user. */
  user: string | null;
  item: string;
  userAttributes?: Attributes | undefined;
  /** Attributes of the item; where they are absent, the catalogue is asked. */
  itemAttributes?: Attributes | undefined;
  /** Values of the interaction itself, such as its device, by the names of their columns. */
  context?: Attributes | undefined;
  /** Oldest first. */
  history: readonly HistoryEvent[];
  /** How many events of the user lie before those of `history`. Default 0: it tells all. */
  earlier?: number | undefined;
  /** Seconds since 1970. */
  time?: number | undefined;
  /** P(label = 1) by the CRM, for prompts that tell it as `crm_percent`; it learned nothing from the sample. A Predictor tells it. */
  pCrm?: number | undefined;
  /**
   * Running statistics as of the sample, by the name of their feature, or as a prompt says them (`item.mean`); one that is
   * left out had nothing before. Where this is absent, what was counted up to now is asked.
   */
  statistics?: Readonly<Record<string, number>> | undefined;
}

/** The sample at a row of the log, with at most `maxLength` history events (default: the log's window). */
export function recordAt(
  log: InteractionLog,
  row: number,
  maxLength: number = log.history.maxLength,
): RatingRecord {
  const user = log.user[row]!;
  const item = log.item[row]!;
  const history = historyOf(log, row, maxLength);
  const context = contextAt(log, row);
  return {
    user: log.users.ids[user]!,
    item: log.items.ids[item]!,
    userAttributes: log.users.attributes[user]!,
    itemAttributes: log.items.attributes[item]!,
    ...(context !== undefined && { context }),
    history: Array.from(history, (past) => ({
      item: log.items.ids[log.item[past]!]!,
      rating: decimalRating(log.rating[past]!),
      time: log.time[past]!,
    })),
    earlier: historyLength(log, row) - history.length,
    time: log.time[row]!,
  };
}

/** More different ratings than this are amounts, such as hours played, which have no scale. */
const mostRatings = 100;

/** The lowest and highest rating of a log, or of a log of labels 0 and 1; undefined where its ratings have no scale. */
export function ratingScaleOf({
  rating,
}: Pick<InteractionLog, "rating">): [lowest: number, highest: number] | undefined {
  const known = new Set<number>();
  for (const value of rating) if (known.add(value).size > mostRatings) return undefined;
  if (known.size === 0) return undefined;
  return [decimalRating(Math.min(...known)), decimalRating(Math.max(...known))];
}

/**
 * Refuses events whose rating is beyond the scale of the data: models would take 50 stars for a very good five.
 * @param scale of `ratingScaleOf`
 * @param placeOf what the place of an event is called, before `.rating`
 * @throws CorellaError `record/rating`
 */
export function requireRatings(
  events: readonly Pick<HistoryEvent, "rating">[],
  [lowest, highest]: readonly [lowest: number, highest: number],
  placeOf: (index: number) => string,
): void {
  for (const [index, event] of events.entries()) {
    const value = decimalRating(event.rating);
    if (value >= lowest && value <= highest) continue;
    throw new CorellaError({
      code: "record/rating",
      message: `A rating of ${event.rating} is beyond the scale of the data, ${lowest} to ${highest}.`,
      place: `${placeOf(index)}.rating`,
      remedy: `Send ratings of ${lowest} to ${highest}, as the data have them.`,
    });
  }
}
