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
 * The features of a map whose value a record lacks, by name: attributes that neither it nor the catalogue has, its time, its
 * user. They are encoded as missing, and whoever gets the answer may be told. A value that training has not seen is none of
 * them, and neither are histories and statistics of nothing.
 */
export function missingInputs(
  { fitted, historyLength }: Pick<FeatureMap, "fitted" | "historyLength">,
  record: RatingRecord,
  catalogue?: Catalogue,
): string[] {
  const window = record.history.slice(-historyLength);
  const lacks = (feature: FittedFeature): boolean => {
    if (isText(feature)) return feature.vectors.rowOf(record.item) < 0;
    if (isAffinity(feature)) return false;
    if (isStatistic(feature)) {
      return keyTexts(feature.config).some((text) => {
        const { source, attribute } = parseDimension(feature.config.name, text);
        const attributes = attributesOfRecord({ source }, record, catalogue);
        return attribute !== undefined && attributeList(attributes, attribute).length === 0;
      });
    }
    const { config, field } = feature;
    if (config.type === "numeric") return numberOfRecord(field, record, window, catalogue) === undefined;
    if (config.type === "categorical") return textOfRecord(field, record, catalogue) === undefined;
    if (config.type === "sequence" || field.attribute === undefined) return false;
    return attributeList(attributesOfRecord(field, record, catalogue), field.attribute).length === 0;
  };
  return fitted.filter(lacks).map(({ config }) => config.name);
}
