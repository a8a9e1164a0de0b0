import { CorellaError } from "@corella/errors";
import type { DataConfig } from "./config.ts";
import { decimalRating, type InteractionLog, type Warning } from "./log.ts";
import { perSecond } from "./source/times.ts";

const earliest = Date.UTC(1990, 0) / 1000;
const latest = Date.UTC(2100, 0) / 1000;
/** Different times up to which they look like a category, where there are some rows of each. */
const handful = 10;
const rowsOfEach = 4;

/** Numbers that are dates written in digits: how many digits, and the form for strptime. */
const digitForms: readonly (readonly [pattern: RegExp, form: string])[] = [
  [/^(?:19|20)\d\d$/, "%Y"],
  [/^(?:19|20)\d\d(?:0[1-9]|1[0-2])$/, "%Y%m"],
  [/^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/, "%Y%m%d"],
  [/^\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])$/, "%y%m%d%H"],
  [/^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])$/, "%Y%m%d%H"],
  [/^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d$/, "%Y%m%d%H%M"],
];

/**
 * Whether the times of a log can be meant as they were read.
 * @returns warnings for times before 1990, for a handful of different ones, and for those that equal another column
 * @throws CorellaError `data/implausible-time` for numbers that all are dates in digits, or times of another unit
 */
export function checkTimes(log: InteractionLog, config: DataConfig): Warning[] {
  const { timeUnit, timeFormat, columns } = config.source.ratings;
  if (columns.time === undefined) return [];
  const isNumber = timeFormat === undefined && timeUnit !== "text";
  const isClock = isNumber && timeUnit !== "steps";
  if (isClock) refuseOtherMeaning(log, timeUnit as keyof typeof perSecond);
  return [
    ...(timeUnit === "steps" ? [] : early(log, isNumber)),
    ...few(log),
    ...(isNumber ? equal(log, timeUnit) : []),
  ];
}

function refuseOtherMeaning({ time, size }: InteractionLog, unit: keyof typeof perSecond): void {
  const scale = perSecond[unit];
  const raw = (row: number): number => Math.round(time[row]! * scale);
  const all = (holds: (value: number) => boolean): boolean => {
    for (let row = 0; row < size; row++) if (!holds(raw(row))) return false;
    return true;
  };
  const refuse = (meant: string, remedy: string): never => {
    throw new CorellaError({
      code: "data/implausible-time",
      message: `The times, such as ${raw(0)}, are read as ${unit} and would lie between ${day(time[0]!)} and ${day(time[size - 1]!)}; all of them can be read as ${meant}.`,
      place: "data.source.ratings.timeUnit",
      remedy: `${remedy} Numbers that order the rows and are no clock are timeUnit: steps.`,
    });
  };
  const isEarly = time[size - 1]! < earliest;
  // Ten digits of a year, month, day and hour are seconds of 2033 and later.
  if (!isEarly && time[0]! < Date.UTC(2033, 0) / 1000) return;
  for (const [pattern, form] of digitForms)
    if (
      (isEarly || form === "%Y%m%d%H") &&
      all((value) => pattern.test(String(value).padStart(form === "%y%m%d%H" ? 8 : 1, "0")))
    )
      refuse(`dates of the form ${form}`, `Write timeFormat: "${form}".`);
  if (!isEarly) return;
  for (const [other, ofSecond] of Object.entries(perSecond))
    if (other !== unit && all((value) => value / ofSecond >= earliest && value / ofSecond < latest))
      refuse(other, `Write timeUnit: ${other}.`);
}

function early({ time, size }: InteractionLog, isNumber: boolean): Warning[] {
  let before = 0;
  while (before < size && time[before]! < earliest) before++;
  // Dates that are written out may be as old as they say; one that stands for a missing time is not like the others.
  if (before === 0 || (!isNumber && before === size)) return [];
  const message =
    before === size
      ? `All times lie before 1990, between ${day(time[0]!)} and ${day(time[size - 1]!)}.`
      : `${before.toLocaleString("en")} of ${size.toLocaleString("en")} rows lie before 1990, the first at ${day(time[0]!)}.`;
  const remedy =
    before === size
      ? "Check timeUnit and timeFormat of data.source.ratings; numbers that only order the rows are timeUnit: steps."
      : "If such a time stands for a missing one, leave those rows out: data.source.ratings.where.";
  return [{ message, remedy }];
}

function few({ time, size }: InteractionLog): Warning[] {
  let distinct = 1;
  for (let row = 1; row < size && distinct <= handful; row++) if (time[row] !== time[row - 1]) distinct++;
  if (distinct > handful || size < rowsOfEach * distinct) return [];
  return [
    {
      message: `The times of ${size.toLocaleString("en")} rows have ${distinct} different values alone.`,
      remedy:
        "Check that data.source.ratings.columns.time is the right column; histories know only events of other times.",
    },
  ];
}

/** Another column that says the same in every row. */
function equal(log: InteractionLog, unit: string): Warning[] {
  const scale = perSecond[unit as keyof typeof perSecond] ?? 1;
  const { time, rating, label, user, item, users, items } = log;
  const columns: Readonly<Record<string, (row: number) => number>> = {
    rating: (row) => decimalRating(rating[row]!),
    label: (row) => label[row]!,
    user: (row) => Number(users.ids[user[row]!]),
    item: (row) => Number(items.ids[item[row]!]),
  };
  for (const [name, valueOf] of Object.entries(columns)) {
    let row = 0;
    while (row < log.size && valueOf(row) === Math.round(time[row]! * scale * 1e6) / 1e6) row++;
    if (row === log.size && row > 1)
      return [
        {
          message: `The time equals the ${name} in every row.`,
          remedy: "Check that data.source.ratings.columns.time is the right column.",
        },
      ];
  }
  return [];
}

/** The rating from which on most positive and fewest negative rows lie, the lowest of several, and how many rows are on the wrong side. */
export function thresholdOfLabels({ rating, label }: Pick<InteractionLog, "rating" | "label">): {
  threshold: number;
  wrong: number;
} {
  const balance = new Map<number, number>(); // positives minus negatives, by rating
  let wrong = 0;
  for (const [row, value] of rating.entries()) {
    balance.set(value, (balance.get(value) ?? 0) + (label[row] === 1 ? 1 : -1));
    if (label[row] === 0) wrong++; // of the lowest threshold
  }
  let best = { threshold: 0.5, wrong: Number.POSITIVE_INFINITY };
  for (const value of [...balance.keys()].sort((a, b) => a - b)) {
    if (wrong < best.wrong) best = { threshold: decimalRating(value), wrong };
    wrong += balance.get(value)!;
  }
  return best;
}

/** Labels of one value alone, and labels that the ratings beside them contradict. */
function checkLabelColumn(log: InteractionLog, { label, source }: DataConfig): Warning[] {
  if ("threshold" in label) return [];
  const warnings: Warning[] = [];
  if (log.size > 1 && log.label.every((value) => value === log.label[0]))
    warnings.push({
      message: `All labels are ${log.label[0]}.`,
      remedy: "Nothing can be learnt from them: check data.source.ratings.columns.label and where.",
    });
  if (source.ratings.columns.rating === undefined || label.likedThreshold !== undefined) return warnings;
  const { wrong, threshold } = thresholdOfLabels(log);
  if (wrong === 0) return warnings;
  const shown = wrong.toLocaleString("en");
  return [
    ...warnings,
    {
      message: `In histories an event counts as liked from a rating of ${threshold} on, which ${shown} of ${log.size.toLocaleString("en")} labels contradict.`,
      remedy:
        "Leave out columns.rating, so that the labels say what was liked, or set data.label.likedThreshold.",
    },
  ];
}

/**
 * Whether a threshold parts the ratings of a log, and whether labels and ratings agree.
 * @throws CorellaError `data/label-threshold` where all ratings are on one side
 */
export function checkLabels(log: InteractionLog, config: DataConfig): Warning[] {
  return [...checkThreshold(log, config), ...checkLabelColumn(log, config)];
}

function checkThreshold(log: InteractionLog, { label, source }: DataConfig): Warning[] {
  const [lowest, highest] = rangeOf(log.rating);
  const range = lowest === highest ? `all ${lowest}` : `${lowest} to ${highest}`;
  const { likedThreshold } = log;
  const isAbove = lowest >= Math.fround(likedThreshold);
  if (!isAbove && highest >= Math.fround(likedThreshold)) return [];
  if ("threshold" in label && log.size > 1) {
    throw new CorellaError({
      code: "data/label-threshold",
      message: `${isAbove ? "Every" : "No"} rating reaches the threshold ${likedThreshold}: they are ${range}, so all labels would be ${isAbove ? 1 : 0}.`,
      place: "data.label.threshold",
      remedy:
        lowest >= 0 && highest <= 1
          ? "Ratings that are 0 or 1 are labels: name the column as columns.label and write label: { column: true }."
          : `Choose a threshold above ${lowest} and up to ${highest}.`,
    });
  }
  if (source.ratings.columns.rating === undefined) return [];
  return [
    {
      message: `${isAbove ? "Every" : "No"} event of a history counts as liked: the ratings are ${range}, and data.label.likedThreshold is ${likedThreshold}.`,
      remedy: "Set it to the least rating of what was liked, or leave out columns.rating.",
    },
  ];
}

function rangeOf(values: Float32Array): [lowest: number, highest: number] {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  return [decimalRating(lowest), decimalRating(highest)];
}

function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
