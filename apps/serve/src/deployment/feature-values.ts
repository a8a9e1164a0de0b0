import { idFeeds } from "@corella/bundle";
import {
  encodeRecords,
  missingInputs,
  oovId,
  paddingId,
  type Catalogue,
  type Feature,
  type FeatureMap,
  type FeatureMapJson,
  type RatingRecord,
  type RunningStatistics,
} from "@corella/modality";

/** What the CRM reads of a record for one of its features. */
export interface FeatureValue {
  readonly name: string;
  readonly type: Feature["type"];
  /**
   * A value of training data, a range for a bucket, of a sequence its values with the oldest first, of a number the number before it is
   * scaled; null where the CRM reads that there is none, and for vectors.
   */
  readonly value: string | number | null | readonly (string | null)[];
  /** The number that the CRM reads; only of numbers. */
  readonly input?: number;
  /** `missing`: the record has no value; `unseen`: it has one that training had not. Absent: neither. */
  readonly state?: "missing" | "unseen";
}

type Transform = FeatureMapJson["transforms"][string];

/**
 * The CRM's features of a record, decoded from the very batch that the CRM reads.
 * @param statistics for a record that brings none
 * @throws CorellaError `features/no-statistics`
 */
export function featureValues(
  featureMap: FeatureMap,
  record: RatingRecord,
  catalogue: Catalogue,
  statistics: RunningStatistics | undefined,
): FeatureValue[] {
  const feeds = idFeeds(featureMap.features, encodeRecords(featureMap, [record], catalogue, statistics));
  const missing = new Set(missingInputs(featureMap, catalogue)(record));
  const { vocabularies, transforms } = featureMap.toJson();
  return featureMap.features.map((feature) => {
    const { name, type } = feature;
    const data = Array.from(feeds[name]!.data as ArrayLike<number>);
    const isMissing = missing.has(name);
    const state = isMissing ? { state: "missing" as const } : {};
    if (type === "vector") return { name, type, value: null, ...state };
    const transform = transforms[name];
    if (type === "numeric") {
      const input = data[0]!;
      // JSON has no number for what is beyond 32-bit floats.
      if (!Number.isFinite(input)) return { name, type, value: null };
      return { name, type, value: isMissing ? null : unscaled(transform, input), input, ...state };
    }
    const known = vocabularies[feature.table] ?? [];
    const read = (id: number): string | null =>
      id === oovId
        ? null
        : transform?.kind === "buckets"
          ? bucketRange(transform.boundaries, id - firstId)
          : (known[id - firstId] ?? null);
    if (type === "sequence")
      return { name, type, value: data.filter((id) => id !== paddingId).map(read), ...state };
    const value = read(data[0]!);
    return { name, type, value, ...(value === null && !isMissing ? { state: "unseen" as const } : state) };
  });
}

const firstId = oovId + 1;

/** A number as it was before it was scaled, in the digits that a 32-bit float has. */
function unscaled(transform: Transform | undefined, input: number): number {
  if (transform?.kind === "standard") return decimal(input * transform.deviation + transform.mean);
  if (transform?.kind === "log") return decimal(Math.sign(input) * Math.expm1(Math.abs(input)));
  return input;
}

function decimal(value: number): number {
  return Number(value.toPrecision(6));
}

/** The numbers of a bucket. @param boundaries ascending */
function bucketRange(boundaries: readonly number[], bucket: number): string {
  const [from, to] = [boundaries[bucket - 1], boundaries[bucket]];
  if (from === undefined) return to === undefined ? "any" : `below ${to}`;
  return to === undefined ? `${from} or more` : `${from} to below ${to}`;
}
