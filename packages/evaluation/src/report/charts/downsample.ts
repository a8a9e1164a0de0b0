/** A point of a line, in the units of the data. */
export type Point = readonly [x: number, y: number];

/**
 * At most `limit` of the points (by ascending x) that look the same as a line: the first, the last, and of each bucket
 * between them the one that makes the largest triangle with its neighbours.
 * Source: Steinarsson, Downsampling Time Series for Visual Representation, 2013, section 4.2 (largest triangle, three buckets).
 */
export function downsample(points: readonly Point[], limit: number): readonly Point[] {
  if (points.length <= limit) return points;
  const buckets = limit - 2;
  const start = (bucket: number): number => 1 + Math.floor((bucket * (points.length - 2)) / buckets);
  const kept = [points[0]!];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const next = bucket + 1 < buckets ? points.slice(start(bucket + 1), start(bucket + 2)) : [points.at(-1)!];
    kept.push(largestTriangle(kept.at(-1)!, points.slice(start(bucket), start(bucket + 1)), center(next)));
  }
  return [...kept, points.at(-1)!];
}

function largestTriangle(before: Point, candidates: readonly Point[], after: Point): Point {
  let best = candidates[0]!;
  let bestArea = -1;
  for (const candidate of candidates) {
    const area = Math.abs(
      (before[0] - after[0]) * (candidate[1] - before[1]) -
        (before[0] - candidate[0]) * (after[1] - before[1]),
    );
    if (area > bestArea) {
      best = candidate;
      bestArea = area;
    }
  }
  return best;
}

function center(points: readonly Point[]): Point {
  let x = 0;
  let y = 0;
  for (const point of points) {
    x += point[0] / points.length;
    y += point[1] / points.length;
  }
  return [x, y];
}

/** Each point's y replaced by the mean of the points at most `reach` before and after it. */
export function runningMean(points: readonly Point[], reach: number): Point[] {
  const sums = new Float64Array(points.length + 1);
  for (const [i, point] of points.entries()) sums[i + 1] = sums[i]! + point[1];
  return points.map(([x], i) => {
    const begin = Math.max(i - reach, 0);
    const end = Math.min(i + reach + 1, points.length);
    return [x, (sums[end]! - sums[begin]!) / (end - begin)];
  });
}
