import type { Catalogue } from "../catalogue.ts";
import type { Attributes } from "../log.ts";
import type { HistoryEvent, RatingRecord } from "../record.ts";
import { parseDimension, keyTexts } from "../statistics/config.ts";
import type { Field } from "./config.ts";
import { type FeatureMap, type FittedFeature, isAffinity, isStatistic, isText } from "./feature-map.ts";
import { attributeList, attributeNumber, entityText, timePart } from "./values.ts";

/** The attributes of a record that a field speaks of: those of its user, of its item, or its own. */
export function attributesOfRecord(
  { source }: Pick<Field, "source">,
  record: RatingRecord,
  catalogue: Catalogue | undefined,
): Attributes | undefined {
  if (source === "user") return record.userAttributes;
  if (source === "context") return record.context;
  return source === "item" ? (record.itemAttributes ?? catalogue?.attributesOf(record.item)) : undefined;
}

/**
 * The number of a field of a record; undefined where it is missing.
 * @param window the events of its history that features look at
 */
export function numberOfRecord(
  field: Field,
  record: RatingRecord,
  window: readonly HistoryEvent[],
  catalogue: Catalogue | undefined,
): number | undefined {
  const { source, attribute, index } = field;
  if (source === "history.length") return window.length;
  if (source === "time.hour" || source === "time.weekday")
    return record.time === undefined ? undefined : timePart(source, record.time);
  if (source === "time.sinceLast") {
    const last = window.at(-1)?.time;
    return record.time === undefined || last === undefined ? undefined : record.time - last;
  }
  if (attribute === undefined) return undefined;
  return attributeNumber(attributesOfRecord(field, record, catalogue), attribute, index);
}

/** The text of a categorical field of a record; undefined where it is missing. */
export function textOfRecord(
  field: Field,
  record: RatingRecord,
  catalogue: Catalogue | undefined,
): string | undefined {
  const { source } = field;
  if (source === "time.hour" || source === "time.weekday")
    return record.time === undefined ? undefined : String(timePart(source, record.time));
  const id = source === "user" ? (record.user ?? undefined) : source === "item" ? record.item : undefined;
  return entityText(field, id, attributesOfRecord(field, record, catalogue));
}

/**
 * What tells of a record which features of a map it lacks the value of, by name: attributes that neither it nor the catalogue has,
 * its time, its user. They are encoded as missing, and whoever gets the answer may be told. A value that training has not seen is
 * none of them, and neither are histories and statistics of nothing.
 */
export function missingInputs(
  { fitted, historyLength }: Pick<FeatureMap, "fitted" | "historyLength">,
  catalogue?: Catalogue,
): (record: RatingRecord) => string[] {
  const features = fitted.map((feature) => ({
    name: feature.config.name,
    lackedBy: lackOf(feature, historyLength, catalogue),
  }));
  return (record) => {
    const names: string[] = [];
    for (const { name, lackedBy } of features) if (lackedBy(record)) names.push(name);
    return names;
  };
}

/** What tells of a record whether it lacks the value of a feature. */
function lackOf(
  feature: FittedFeature,
  historyLength: number,
  catalogue: Catalogue | undefined,
): (record: RatingRecord) => boolean {
  if (isText(feature)) return ({ item }) => feature.vectors.rowOf(item) < 0;
  if (isAffinity(feature)) return () => false;
  const lacksAll = (
    source: Pick<Field, "source">,
    attribute: string | undefined,
  ): ((record: RatingRecord) => boolean) =>
    attribute === undefined
      ? () => false
      : (record) => attributeList(attributesOfRecord(source, record, catalogue), attribute).length === 0;
  if (isStatistic(feature)) {
    const { name } = feature.config;
    const lacks = keyTexts(feature.config)
      .map((text) => parseDimension(name, text))
      .map(({ source, attribute }) => lacksAll({ source }, attribute));
    return (record) => lacks.some((lacksKey) => lacksKey(record));
  }
  const { config, field } = feature;
  if (config.type === "categorical") return (record) => textOfRecord(field, record, catalogue) === undefined;
  if (config.type === "numeric")
    return (record) =>
      numberOfRecord(field, record, record.history.slice(-historyLength), catalogue) === undefined;
  return config.type === "sequence" ? () => false : lacksAll(field, field.attribute);
}
