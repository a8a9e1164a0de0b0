import type { Batch, Feed } from "@corella/engine";

/**
 * Weights of a mean over the last tokens of each answered sequence, up to the one that its answer follows: 1 / count at each
 * of them, else 0. `pooled` takes them.
 * @param feeds of the sequences, by `paddedFeeds` filled on the right, or by `packedFeeds`
 * @param counts how many tokens of each sequence are pooled, at least 1 and at most as many as it has
 * @returns float32 [batch, time] for padded sequences, [batch, tokens] for packed ones
 */
export function poolingFeed(feeds: Batch, counts: ArrayLike<number>): Feed {
  const width = feeds["tokens"]!.shape.at(-1)!;
  const placeOf = "places" in feeds ? packedPlaces(feeds) : paddedPlaces(feeds);
  const data = new Float32Array(counts.length * width);
  for (let answer = 0; answer < counts.length; answer++) {
    const count = counts[answer]!;
    for (let before = 0; before < count; before++) data[answer * width + placeOf(answer, before)] = 1 / count;
  }
  return { shape: [counts.length, width], data };
}

/** Where the token stands that is so many before the last of an answer's sequence. */
type PlaceOf = (answer: number, before: number) => number;

function paddedPlaces(feeds: Batch): PlaceOf {
  const last = feeds["last"]!.data;
  return (answer, before) => Number(last[answer]) - before;
}

function packedPlaces(feeds: Batch): PlaceOf {
  const { last, positions, sequenceOf, prefixOf, prefixPlaces, places } = Object.fromEntries(
    Object.entries(feeds).map(([name, { data }]) => [name, data as Int32Array]),
  ) as Record<string, Int32Array>;
  const prefixTime = feeds["prefixPlaces"]!.shape[1]!;
  const time = places!.length / feeds["places"]!.shape[0]!;
  return (answer, before) => {
    const sequence = sequenceOf![answer]!;
    const prefix = prefixPlaces!.subarray(prefixOf![sequence]! * prefixTime).subarray(0, prefixTime);
    const filled = prefix.indexOf(-1);
    const prefixLength = filled < 0 ? prefixTime : filled;
    const position = positions![last![answer]!]! - before;
    return position < prefixLength ? prefix[position]! : places![sequence * time + position - prefixLength]!;
  };
}
