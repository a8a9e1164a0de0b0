import type { Batch, Feed } from "@corella/engine";
import { fitted, type PreparedTokens, type PrepareOptions, type TokenBatch } from "./prepare-tokens.ts";
import { sharedPrefixes, type PrefixGroup } from "./shared-prefixes.ts";

/**
 * Batches for `packedDecoder`: sequences that begin alike come together and their prefix stands in a batch once. The
 * budget counts what attention is computed on, filling included.
 * @throws CorellaError `llm/prompt-too-long`, `llm/empty-prompt`
 */
export function packSequences(
  sequences: readonly ArrayLike<number>[],
  options: Pick<PrepareOptions, "maxTokens" | "overlong" | "tokenBudget" | "batchSize">,
): PreparedTokens {
  const { fitting, cut } = fitted(sequences, options);
  const budget = options.tokenBudget ?? 4096;
  const most = options.batchSize ?? Number.POSITIVE_INFINITY;
  const lengthOf = (member: number): number => fitting[member]!.length;
  const groups = sharedPrefixes(fitting).map(({ length, members }) => ({
    length,
    members: members.toSorted((a, b) => lengthOf(a) - lengthOf(b) || a - b),
  }));
  const longest = ({ length, members }: PrefixGroup): number => lengthOf(members.at(-1)!) - length;
  groups.sort((a, b) => longest(a) - longest(b) || a.length - b.length);

  const batches: TokenBatch[] = [];
  let open: { length: number; members: number[] }[] = [];
  let count = 0;
  let prefixTime = 1;
  let time = 1;
  const close = (): void => {
    const rows = Uint32Array.from(open.flatMap(({ members }) => members));
    let first = 0;
    const inBatch = open.map(({ length, members }) => ({ length, members: members.map(() => first++) }));
    batches.push({
      feeds: packedFeeds(
        Array.from(rows, (row) => fitting[row]!),
        inBatch,
      ),
      rows,
    });
    open = [];
    count = 0;
    prefixTime = 1;
    time = 1;
  };
  for (const { length, members } of groups) {
    let current: number[] | undefined;
    for (const member of members) {
      const own = lengthOf(member) - length;
      const prefixes = open.length + (current === undefined ? 1 : 0);
      const size = prefixes * Math.max(prefixTime, length) + (count + 1) * Math.max(time, own);
      if (count > 0 && (size > budget || count >= most)) {
        close();
        current = undefined;
      }
      if (current === undefined) open.push({ length, members: (current = []) });
      current.push(member);
      count += 1;
      prefixTime = Math.max(prefixTime, length);
      time = Math.max(time, own);
    }
  }
  if (count > 0) close();
  return { batches, cut };
}

/**
 * The feeds of `packedDecoder` for one batch; its outputs come in the order of the sequences.
 * @param sequences token ids, none empty
 * @param groups how the sequences share prefixes; by default as it saves most
 */
export function packedFeeds(
  sequences: readonly ArrayLike<number>[],
  groups: readonly PrefixGroup[] = sharedPrefixes(sequences),
): Batch {
  const batch = sequences.length;
  const prefixes = groups.length;
  const prefixTime = groups.reduce((most, { length }) => Math.max(most, length), 1);
  const prefixOf = new Int32Array(batch);
  const prefixLength = new Int32Array(batch);
  groups.forEach(({ length, members }, group) => {
    for (const member of members) {
      prefixOf[member] = group;
      prefixLength[member] = length;
    }
  });
  const time = sequences.reduce((most, ids, row) => Math.max(most, ids.length - prefixLength[row]!), 1);

  const prefixPlaces = new Int32Array(prefixes * prefixTime).fill(-1);
  const places = new Int32Array(batch * time).fill(-1);
  const tokens: number[] = [];
  const positions: number[] = [];
  const spread: number[] = [];
  /** Puts a part of a sequence among the tokens; `start` is where it stands in the padded sequences. */
  const put = (
    ids: ArrayLike<number>,
    [from, to]: readonly [number, number],
    into: Int32Array,
    row: number,
    width: number,
    start: number,
  ): void => {
    for (let position = from; position < to; position++) {
      into[row * width + position - from] = tokens.length;
      tokens.push(ids[position]!);
      positions.push(position);
      spread.push(start + row * width, width, position - from);
    }
  };
  groups.forEach(({ length, members }, group) => {
    put(sequences[members[0]!]!, [0, length], prefixPlaces, group, prefixTime, 0);
  });
  const last = new Int32Array(batch);
  sequences.forEach((ids, row) => {
    put(ids, [prefixLength[row]!, ids.length], places, row, time, prefixes * prefixTime);
    last[row] = tokens.length - 1;
  });
  return {
    tokens: ints(tokens),
    positions: ints(positions),
    prefixPlaces: { shape: [prefixes, prefixTime], data: prefixPlaces },
    places: { shape: [batch, time], data: places },
    spread: { shape: [tokens.length, 3], data: Int32Array.from(spread) },
    prefixOf: ints(prefixOf),
    last: ints(last),
    prefixNumber: counted(prefixes),
    prefixIndex: counted(prefixTime),
    index: counted(time),
  };
}

function ints(values: ArrayLike<number>): Feed {
  return { shape: [values.length], data: Int32Array.from(values) };
}

function counted(count: number): Feed {
  return ints(Array.from({ length: count }, (_, i) => i));
}
