import type { Numbers } from "@corella/metrics";
import { checkSameLength } from "./inputs.ts";
import type { CountName, RoutingSignals } from "./signals.ts";

/** A division of samples by a count: up to the first end, up to the second and so on, and above the last. */
export interface Division {
  readonly by: CountName;
  /** Ascending; a count belongs to the first end that is not below it. */
  readonly ends: readonly number[];
}

/** New, short and long histories; new, rare and frequent items. */
const divisions: readonly Division[] = [
  { by: "userEvents", ends: [0, 20] },
  { by: "itemEvents", ends: [0, 99] },
];

/** The divisions by those counts that are known. */
export function divisionsBy(signals: RoutingSignals): readonly Division[] {
  return divisions.filter(({ by }) => signals[by] !== undefined);
}

/** How many segments divisions make together: each part of one with each part of the others. */
export function segmentCount(all: readonly Division[]): number {
  return all.reduce((count, { ends }) => count * (ends.length + 1), 1);
}

/**
 * The number of each sample's segment, the last division's parts next to each other.
 * @param count of samples
 * @throws CorellaError `routing/length-mismatch`
 */
export function segmentsOf(
  all: readonly Division[],
  signals: RoutingSignals | undefined,
  count: number,
): Uint32Array {
  const segments = new Uint32Array(count);
  for (const { by, ends } of all) {
    const counts: Numbers = signals?.[by] ?? [];
    checkSameLength(count, counts.length, by);
    for (let row = 0; row < count; row++) {
      const part = ends.findIndex((end) => counts[row]! <= end);
      segments[row] = segments[row]! * (ends.length + 1) + (part < 0 ? ends.length : part);
    }
  }
  return segments;
}
