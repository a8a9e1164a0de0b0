import type { Attributes, AttributeValue, InteractionLog } from "../log.ts";
import type { StatisticConfig } from "../statistics/config.ts";
import type { FeatureConfig } from "./config.ts";
import { attributeList } from "./values.ts";

/** Longer histories are cut to their latest events. */
const longestHistory = 30;
const numberBuckets = 20;
const halfLife = "30d";

/**
 * The features of a log for which nobody has chosen any: the item's id, what is known of items and users, the history,
 * and running statistics.
 *
 * - Not the user's id: learning users by heart does no good to those who are new, and beside running statistics it says
 *   nothing more. Without anything before a sample it is all that is known of a user who comes again, and so a feature.
 * - Nothing that cannot vary: neither histories nor statistics where no row has another before it, as without times; nothing of
 *   users who come once; not the id of the only item.
 * - An attribute is a category when its values occur twice on average, so titles and zip codes are none. Of a list it is
 *   the first position whose values differ. A number that is no category is put into buckets.
 * - Where the ratings have two values, as those of a log with nothing but labels, they say what the label says: they are
 *   left out.
 */
export function defaultFeatures(log: InteractionLog): FeatureConfig[] {
  const ofItems = describeAttributes("item", log.items.attributes);
  const ofUsers = describeAttributes("user", log.users.attributes);
  const ofContext = (log.context ?? []).flatMap(({ name, codes, values }) =>
    describeAttribute(
      "context",
      name,
      Array.from(codes, (code) => values[code]),
    ),
  );
  const features: FeatureConfig[] = [];
  const add = addWithFreeName(features);

  const hasPast = mayHavePast(log);
  const comesAgain = log.size > log.users.activeCount;
  if (log.items.activeCount > 1) add({ name: "item", type: "categorical", field: "item" });
  if (!hasPast && comesAgain && log.users.activeCount > 1)
    add({ name: "user", type: "categorical", field: "user" });
  for (const { source, name, field, kind } of [...ofUsers, ...ofItems, ...ofContext]) {
    const fallback = `${source}_${name}`;
    if (kind === "category") add({ name, type: "categorical", field }, fallback);
    else add({ name, type: "numeric", field, transform: { buckets: numberBuckets } }, fallback);
  }
  const hasRatings = countDistinct(log.rating, 3) > 2;
  const categories = ofItems.filter(({ kind }) => kind === "category");
  if (hasPast && comesAgain) for (const sequence of defaultHistory(log, hasRatings)) add(sequence);
  if (hasPast)
    for (const statistic of defaultStatistics(categories, hasRatings))
      if (comesAgain || ![statistic.by].flat().includes("user")) add(statistic);
  if (features.length === 0) add({ name: "item", type: "categorical", field: "item" });
  return features;
}

/** Whether rows may have others before them: not where all are of one time. */
function mayHavePast({ size, time, history }: InteractionLog): boolean {
  return size > 1 && (history.ties === "order" || time[0] !== time[size - 1]);
}

function defaultHistory(log: InteractionLog, hasRatings: boolean): FeatureConfig[] {
  const maxLength = Math.min(longestHistory, log.history.maxLength);
  const pooled = { type: "sequence", maxLength, pooling: "mean" } as const;
  return [
    ...(log.items.activeCount > 1
      ? [{ name: "history_items", ...pooled, field: "history.item", shareWith: "item" } as const]
      : []),
    ...(hasRatings ? [{ name: "history_ratings", ...pooled, field: "history.rating" } as const] : []),
  ];
}

function defaultStatistics(categories: readonly KnownAttribute[], hasRatings: boolean): StatisticConfig[] {
  const type = "statistic";
  const of = hasRatings ? {} : ({ of: "label" } as const);
  const mean = (name: string, by: StatisticConfig["by"]): StatisticConfig[] =>
    hasRatings ? [{ name: `${name}_mean`, type, value: "mean", by }] : [];
  const liked = (name: string, by: StatisticConfig["by"]): StatisticConfig => {
    return { name, type, value: "mean", of: "label", by };
  };
  const count = (name: string, by: StatisticConfig["by"]): StatisticConfig => {
    return { name: `${name}_count`, type, value: "count", by };
  };
  const deviation = (name: string, by: StatisticConfig["by"]): StatisticConfig => {
    return { name: `${name}_deviation`, type, value: "deviation", ...of, by };
  };
  const taste = categories.find(({ isList }) => isList) ?? categories[0];
  return [
    ...(["item", "user"] as const).flatMap((by) => [
      ...mean(by, by),
      liked(`${by}_liked`, by),
      count(by, by),
      deviation(by, by),
    ]),
    ...categories.flatMap(({ name, key }) => [
      ...(hasRatings ? mean(name, key) : [liked(`${name}_liked`, key)]),
      count(name, key),
    ]),
    ...(taste === undefined
      ? []
      : [
          liked("taste", ["user", taste.key]),
          count("taste", ["user", taste.key]),
          deviation("taste", ["user", taste.key]),
        ]),
    { name: "item_pause", type, value: "sinceLast", by: "item" },
    { name: "user_pause", type, value: "sinceLast", by: "user" },
    { name: "item_last", type, value: "last", ...of, by: "item" },
    { name: "user_last", type, value: "last", ...of, by: "user" },
    { name: "item_recent", type, value: "mean", ...of, by: "item", halfLife },
  ];
}

/** What can be made of an attribute. */
interface KnownAttribute {
  readonly source: "user" | "item" | "context";
  /** Of its feature: `genre` of the attribute `genres`. */
  readonly name: string;
  /** Of its values, one of each user or item: `item.genres[0]`. */
  readonly field: string;
  /** Of all its values: `item.genres`. */
  readonly key: string;
  readonly isList: boolean;
  readonly kind: "category" | "number";
}

/** The attributes of users or items that say something, in the order in which they are met. */
function describeAttributes(source: "user" | "item", rows: readonly Attributes[]): KnownAttribute[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  return [...names].flatMap((attribute) =>
    describeAttribute(
      source,
      attribute,
      rows.map((row) => (Object.hasOwn(row, attribute) ? row[attribute] : undefined)),
    ),
  );
}

/** What can be made of the values of an attribute, or of a column of the context. */
function describeAttribute(
  source: KnownAttribute["source"],
  attribute: string,
  values: readonly (AttributeValue | undefined)[],
): KnownAttribute[] {
  if (/[.[\]]|\/(?!0+$)\d+$/.test(attribute)) return []; // no field or key can name it: `24/7` is 24 in stretches of 7
  const isList = values.some((value) => Array.isArray(value));
  const key = `${source}.${attribute}`;
  if (!isList) {
    const kind = kindOf(values);
    return kind === undefined ? [] : [{ source, name: attribute, field: key, key, isList, kind }];
  }
  const lists = values.map((value) => attributeList(value === undefined ? {} : { value }, "value"));
  if (kindOf(lists.flat()) !== "category") return [];
  const longest = lists.reduce((most, list) => Math.max(most, list.length), 0);
  for (let index = 0; index < longest; index++) {
    if (kindOf(lists.map((list) => list[index])) !== "category") continue;
    return [{ source, name: singular(attribute), field: `${key}[${index}]`, key, isList, kind: "category" }];
  }
  return [];
}

/** undefined for what is the same everywhere, and for text of which nearly everyone has their own. */
function kindOf(values: readonly (AttributeValue | undefined)[]): KnownAttribute["kind"] | undefined {
  const present = values.filter((value) => value !== undefined);
  const distinct = new Set(present).size;
  if (distinct < 2) return undefined;
  if (2 * distinct <= present.length) return "category";
  return present.every((value) => typeof value === "number") ? "number" : undefined;
}

/** genres -> genre, categories -> category */
function singular(attribute: string): string {
  return attribute.replace(/ies$/, "y").replace(/([^s])s$/, "$1");
}

/** Adds features whose names are their own, if need be with a line behind them. */
function addWithFreeName(features: FeatureConfig[]): (feature: FeatureConfig, fallback?: string) => void {
  const taken = new Set<string>();
  return (feature, fallback) => {
    let name = taken.has(feature.name) && fallback !== undefined ? fallback : feature.name;
    while (taken.has(name)) name += "_";
    taken.add(name);
    features.push({ ...feature, name });
  };
}

function countDistinct(values: Float32Array, enough: number): number {
  const found = new Set<number>();
  for (let row = 0; row < values.length && found.size < enough; row++) found.add(values[row]!);
  return found.size;
}
