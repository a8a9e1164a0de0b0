import type { Catalogue } from "../catalogue.ts";
import type { Attributes, InteractionLog } from "../log.ts";
import type { RatingRecord } from "../record.ts";
import { statisticsOfLog } from "./count-log.ts";
import { valuesAlong } from "./dimension-values.ts";
import {
  type Counted,
  countedFor,
  type OwnEvent,
  statisticsByUser,
  type UnseenEvent,
  unseenEvents,
} from "./own-events.ts";
import type { StatisticsPlan } from "./plan.ts";
import {
  type CountedEvent,
  countEvent,
  copyTally,
  createTallies,
  readDeviations,
  readStatistics,
  restoreCells,
  saveCells,
  type Span,
  type Tally,
} from "./tallies.ts";

/** Whom and what a sample or event is about, as a record says it. */
export type StatisticsSubject = Pick<
  RatingRecord,
  "user" | "item" | "userAttributes" | "itemAttributes" | "context"
>;

/** One interaction that has happened, to be counted. */
export interface ObservedEvent extends StatisticsSubject {
  rating: number;
  /** Whether it was positive: 0 or 1. */
  label: number;
  /** Seconds since 1970. */
  time: number;
}

/** What was counted up to now, and can be counted on. */
export interface RunningStatistics {
  readonly plan: StatisticsPlan;
  /** Which events of a sample's own instant are before it: none with `exclude`, those observed so far with `order`. */
  readonly ties: "exclude" | "order";
  /**
   * The statistics of a sample, in the plan's order, from the events observed so far; NaN where nothing was before.
   * With `exclude` what was observed at the sample's time does not count, until a later event has come.
   * Without a time the sample is as of the latest event, and `sinceLast` is NaN. A time of the past is not gone back to.
   * @param ownEvents of the sample's user, oldest first: those later than the user's latest that was observed enter the
   * statistics whose key names the user, for this answer alone. Of a user of whom nothing was observed, or who has no
   * name, they all do. Everybody's statistics stay as they are.
   */
  valuesOf(
    sample: StatisticsSubject & Pick<RatingRecord, "time">,
    catalogue?: Catalogue,
    ownEvents?: readonly OwnEvent[],
  ): Float32Array;
  /**
   * The statistics of a user's own events, each as of the event, as a sample there and then would have been told them: those
   * events before it are its own. undefined of one that was observed, for what was known before it is not kept.
   * @param ownEvents oldest first
   */
  valuesOfEvents(
    of: Pick<StatisticsSubject, "user" | "userAttributes">,
    catalogue: Catalogue | undefined,
    ownEvents: readonly OwnEvent[],
  ): (Float32Array | undefined)[];
  /**
   * Counts an event: this is how what was counted goes on, one event after the other. They should come in the order of time;
   * a late one counts, aged as its time says. Which samples were asked in between changes nothing. `statisticsToFiles` keeps
   * what was counted, to the bit.
   */
  observe(event: ObservedEvent, catalogue?: Catalogue): void;
  /** What is counted, for a file: events of the latest instant too. */
  counted(): CountedStatistics;
}

/** The whole of what was counted; `names` are values by dimension and code. */
export interface CountedStatistics {
  readonly ties: "exclude" | "order";
  /** The time of the latest event; -Infinity without one. */
  readonly latest: number;
  readonly names: readonly (readonly string[])[];
  readonly tallies: readonly Tally[];
}

/** Stands for a user without a name, whose events a request tells; no id is empty. */
const anonymous = "";

/** Statistics of which nothing was counted yet. */
export function emptyStatistics(plan: StatisticsPlan, ties: "exclude" | "order"): RunningStatistics {
  const names = plan.dimensions.map(() => []);
  return createRunningStatistics(plan, {
    ties,
    latest: Number.NEGATIVE_INFINITY,
    names,
    tallies: createTallies(plan),
  });
}

/** The statistics at the end of a log, all of its events counted; what a pass over the log has counted before is used. */
export function statisticsAtEnd(plan: StatisticsPlan, log: InteractionLog): RunningStatistics {
  const latest = log.size === 0 ? Number.NEGATIVE_INFINITY : log.time[log.size - 1]!;
  const before = { ties: log.history.ties, latest, ...statisticsOfLog(plan, log).atEnd };
  return createRunningStatistics(plan, before, { shared: true });
}

/**
 * Statistics that go on from what was counted, whose tallies they take over.
 * @param options.shared others read the tallies too: they are copied before the first event that is counted here
 */
export function createRunningStatistics(
  plan: StatisticsPlan,
  before: CountedStatistics,
  { shared = false }: { readonly shared?: boolean } = {},
): RunningStatistics {
  const { ties } = before;
  let { tallies, latest } = before;
  let isOwn = !shared;
  const names = before.names.map((ofDimension) => new Map(ofDimension.map((name, code) => [name, code])));
  /** Events of the latest instant, which samples of it do not see, nor its other events. */
  let pending: { spans: Span[]; event: CountedEvent; deviations: Float64Array }[] = [];

  const byUser = statisticsByUser(plan);
  const valuesBy = (subject: StatisticsSubject, catalogue: Catalogue | undefined): (readonly string[])[] =>
    plan.dimensions.map((dimension) =>
      valuesAlong(dimension, ...entityOf(dimension.source, subject, catalogue)),
    );

  const spansOf = (subject: StatisticsSubject, catalogue: Catalogue | undefined, add: boolean): Span[] =>
    valuesBy(subject, catalogue).map((values, d) => {
      const codes = Int32Array.from(values, (value) => {
        const code = names[d]!.get(value);
        if (code !== undefined || !add) return code ?? -1;
        names[d]!.set(value, names[d]!.size);
        return names[d]!.size - 1;
      });
      return { codes, start: 0, end: codes.length };
    });
  /** How many of them later samples have made count, and what their cells held before: what the instant's further events see. */
  let entered = 0;
  const saved = plan.tallies.map(() => new Map<number, Float64Array>());
  const countPending = (): void => {
    if (pending.length > entered) latestOwn = undefined;
    for (; entered < pending.length; entered++) {
      const { spans, event, deviations } = pending[entered]!;
      saveCells(tallies, spans, saved);
      countEvent(tallies, spans, event, deviations, 0);
    }
  };
  const takePendingBack = (): void => {
    if (entered > 0) latestOwn = undefined;
    restoreCells(tallies, saved);
    entered = 0;
  };
  const endInstant = (): void => {
    countPending();
    for (const cells of saved) cells.clear();
    pending = [];
    entered = 0;
  };
  /** What a user's events leave behind beside what is counted here. Many samples of one user are asked at once: kept for the next. */
  let latestOwn:
    | { readonly key: string; readonly of: Catalogue | undefined; readonly counted: Counted }
    | undefined;
  const withEvents = (
    { user, userAttributes }: StatisticsSubject,
    unseen: readonly UnseenEvent[],
    catalogue: Catalogue | undefined,
  ): Counted => {
    const key = JSON.stringify([user, userAttributes, unseen]);
    if (latestOwn?.key === key && latestOwn.of === catalogue) return latestOwn.counted;
    const events = unseen.map(({ item, rating, label, time, context }) => ({
      user,
      userAttributes,
      item,
      rating,
      label,
      time,
      context,
    }));
    const subjects = events.map((event) => valuesBy(event, catalogue));
    const own = countedFor(plan, [{ names, tallies }], subjects);
    const aside = createRunningStatistics(plan, {
      ties,
      latest,
      names: own.names.map((ofDimension) => [...ofDimension.keys()]),
      tallies: own.tallies,
    });
    for (const event of events) aside.observe(event, catalogue);
    const counted = { ...own, ...aside.counted(), names: own.names };
    latestOwn = { key, of: catalogue, counted };
    return counted;
  };
  const running: RunningStatistics = {
    plan,
    ties,
    valuesOf(sample, catalogue, ownEvents = []) {
      if (sample.time === undefined || sample.time > latest) countPending();
      else takePendingBack();
      const values = new Float32Array(plan.statistics.length);
      readStatistics(plan, tallies, spansOf(sample, catalogue, false), sample.time ?? latest, values);
      if (sample.time === undefined) {
        for (const [s, { value }] of plan.statistics.entries())
          if (value === "sinceLast") values[s] = Number.NaN;
      }
      const unseen = unseenEvents(plan, { ties, latest, names, tallies }, sample, ownEvents);
      if (unseen.length === 0) return values;
      const user = sample.user ?? anonymous;
      const own = withEvents({ ...sample, user }, unseen, catalogue);
      const sources = [own, { names, tallies }];
      const { tallies: ofSample, names: codes } = countedFor(plan, sources, [
        valuesBy({ ...sample, user }, catalogue),
      ]);
      const aside = createRunningStatistics(plan, {
        ties,
        latest: own.latest,
        names: codes.map((ofDimension) => [...ofDimension.keys()]),
        tallies: ofSample,
      });
      const withOwn = aside.valuesOf({ ...sample, user }, catalogue);
      const isTimed = unseen.every((event) => event.isTimed);
      for (const s of byUser)
        values[s] = plan.statistics[s]!.value === "sinceLast" && !isTimed ? Number.NaN : withOwn[s]!;
      return values;
    },
    valuesOfEvents({ user, userAttributes }, catalogue, ownEvents) {
      return ownEvents.map((event, i) => {
        if (unseenEvents(plan, { ties, latest, names, tallies }, { user }, [event]).length === 0)
          return undefined;
        const { item, context, time } = event;
        return running.valuesOf(
          { user, userAttributes, item, context, time },
          catalogue,
          ownEvents.slice(0, i),
        );
      });
    },
    observe({ rating, label, time, ...subject }, catalogue) {
      if (!isOwn) tallies = tallies.map(copyTally);
      isOwn = true;
      latestOwn = undefined;
      if (time > latest) endInstant();
      else if (time < latest) takePendingBack(); // they count after this one
      latest = Math.max(latest, time);
      const spans = spansOf(subject, catalogue, true);
      const event = { rating: Math.fround(rating), label, time };
      const deviations = new Float64Array(plan.deviations.length);
      readDeviations(plan, tallies, spans, event, deviations, 0, saved);
      if (ties === "exclude" && time === latest) pending.push({ spans, event, deviations });
      else countEvent(tallies, spans, event, deviations, 0);
    },
    counted() {
      countPending();
      return { ties, latest, names: names.map((ofDimension) => [...ofDimension.keys()]), tallies };
    },
  };
  return running;
}

function entityOf(
  source: "user" | "item" | "context",
  { user, item, userAttributes, itemAttributes, context }: StatisticsSubject,
  catalogue: Catalogue | undefined,
): [id: string | undefined, attributes: Attributes | undefined] {
  if (source === "context") return [undefined, context];
  return source === "user"
    ? [user ?? undefined, userAttributes]
    : [item, itemAttributes ?? catalogue?.attributesOf(item)];
}
