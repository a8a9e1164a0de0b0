import type { Catalogue } from "../catalogue.ts";
import { isLiked } from "../log.ts";
import type { HistoryEvent, RatingRecord } from "../record.ts";
import type { RunningStatistics } from "../statistics/running-statistics.ts";
import { encodeText } from "../vectors/look-up.ts";
import { affinityOfRecord } from "./affinity.ts";
import {
  type FeatureMap,
  type FittedField,
  type IdBatch,
  isAffinity,
  isStatistic,
  isText,
  missingColumnOf,
} from "./feature-map.ts";
import { bucketId, transformNumber } from "./numeric.ts";
import { encodeStatistic, statisticsOfRecords } from "./statistic.ts";
import { attributesOfRecord, numberOfRecord, textOfRecord } from "./record-values.ts";
import { attributeList, entityText, ratingText } from "./values.ts";
import { oovId } from "./vocabulary.ts";

/**
 * Encodes records, online or offline. Attributes that a record does not bring are looked up in the catalogue;
 * what is in neither is out-of-vocabulary. Statistics that it does not bring are those of the running statistics, with the
 * events of its history that these have not seen in what is its user's own.
 * @param statistics what was counted up to now; may be absent where every record brings its own, or the map has none
 * @throws CorellaError `features/no-statistics` where a statistic comes from neither
 */
export function encodeRecords(
  featureMap: FeatureMap,
  records: readonly RatingRecord[],
  catalogue?: Catalogue,
  statistics?: RunningStatistics,
): IdBatch {
  const features: IdBatch["features"] = {};
  const windows = records.map(({ history }) => history.slice(-featureMap.historyLength));
  const plan = featureMap.statistics;
  const counted =
    plan === undefined
      ? []
      : statisticsOfRecords({ ...featureMap, statistics: plan }, records, catalogue, statistics);
  for (const fitted of featureMap.fitted) {
    if (isStatistic(fitted)) {
      const { position, columns } = fitted;
      for (const { name, transform } of columns)
        features[name] = encodeStatistic(
          plan!.statistics[position]!,
          transform,
          records.length,
          (i) => counted[i]![position]!,
        );
      continue;
    }
    features[fitted.config.name] = isText(fitted)
      ? encodeText(fitted.vectors, records.length, (i) => fitted.vectors.rowOf(records[i]!.item))
      : isAffinity(fitted)
        ? Float32Array.from(records, ({ item }, i) =>
            transformNumber(fitted.transform, affinityOfRecord(featureMap, fitted, item, windows[i]!)),
          )
        : encodeFeature(featureMap, fitted, records, windows, catalogue);
    const missing = missingColumnOf(fitted);
    if (missing !== undefined) {
      const { field } = fitted as FittedField;
      features[missing] = Float32Array.from(records, (record, i) =>
        numberOfRecord(field, record, windows[i]!, catalogue) === undefined ? 1 : 0,
      );
    }
  }
  return { size: records.length, features };
}

function encodeFeature(
  { likedThreshold }: FeatureMap,
  fitted: FittedField,
  records: readonly RatingRecord[],
  windows: readonly (readonly HistoryEvent[])[],
  catalogue: Catalogue | undefined,
): Int32Array | Float32Array {
  const { config, field, vocabulary, transform } = fitted;
  const size = records.length;
  if (config.type === "numeric") {
    const numberOf = (record: RatingRecord, i: number): number | undefined =>
      numberOfRecord(field, record, windows[i]!, catalogue);
    return transform!.kind === "buckets"
      ? Int32Array.from(records, (record, i) => bucketId(transform!.boundaries, numberOf(record, i)))
      : Float32Array.from(records, (record, i) => transformNumber(transform!, numberOf(record, i)));
  }

  if (config.type === "categorical") {
    return Int32Array.from(records, (record) => vocabulary!.idOf(textOfRecord(field, record, catalogue)));
  }

  const ids = new Int32Array(size * config.maxLength);
  for (const [index, record] of records.entries()) {
    if (config.type === "multivalued") {
      if (field.attribute === undefined) continue;
      const attributes = attributesOfRecord(field, record, catalogue);
      const values = attributeList(attributes, field.attribute).slice(0, config.maxLength);
      ids.set(
        values.map((value) => vocabulary!.idOf(value)),
        index * config.maxLength,
      );
      continue;
    }
    const events = windows[index]!.filter(
      ({ rating }) =>
        config.where === undefined || isLiked(rating, likedThreshold) === (config.where === "liked"),
    ).slice(-config.maxLength);
    ids.set(
      events.map((event) => {
        if (field.source === "history.rating") return vocabulary!.idOf(ratingText(event.rating));
        if (field.source !== "history.item") return oovId;
        return vocabulary!.idOf(entityText(field, event.item, catalogue?.attributesOf(event.item)));
      }),
      index * config.maxLength,
    );
  }
  return ids;
}
