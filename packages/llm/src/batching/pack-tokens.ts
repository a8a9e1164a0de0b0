import type { Batch, Feed } from "@corella/engine";
import { foldSequences, type FoldedAnswer } from "./folded-sequences.ts";
import { stretches } from "../decoder/packed-sequences.ts";
import { fitted, type PreparedTokens, type PrepareOptions, type TokenBatch } from "./prepare-tokens.ts";
import { sharedPrefixes, type PrefixGroup } from "./shared-prefixes.ts";

/** How long sequences may be, and how much a batch may hold. */
export type PackLimits = Pick<PrepareOptions, "maxTokens" | "overlong" | "tokenBudget" | "batchSize">;

/**
 * Batches for `packedDecoder`: a sequence that another begins with is answered inside it, those that begin alike come
 * together and their prefix stands in a batch once. The budget counts what attention is computed on, filling included.
 * @throws CorellaError `llm/prompt-too-long`, `llm/empty-prompt`
 */
export function packSequences(sequences: readonly ArrayLike<number>[], options: PackLimits): PreparedTokens {
  const { fitting, cut } = fitted(sequences, options);
  const { hosts, answers } = foldSequences(fitting);
  const rowsOf = hosts.map((): number[] => []);
  answers.forEach(({ host }, row) => rowsOf[host]!.push(row));
  const computed = hosts.map((row) => fitting[row]!);
  const budget = options.tokenBudget ?? 4096;
  const most = options.batchSize ?? Number.POSITIVE_INFINITY;
  const lengthOf = (member: number): number => computed[member]!.length;
  const groups = sharedPrefixes(computed).map(({ length, members }) => ({
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
    const members = open.flatMap((group) => group.members);
    const rows = Uint32Array.from(members.flatMap((member) => rowsOf[member]!));
    const numberOf = new Map(members.map((member, number) => [member, number]));
    batches.push({
      feeds: laidOut(
        members.map((member) => computed[member]!),
        open.map((group) => ({
          length: group.length,
          members: group.members.map((member) => numberOf.get(member)!),
        })),
        Array.from(rows, (row) => ({ ...answers[row]!, host: numberOf.get(answers[row]!.host)! })),
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
 * The feeds of `packedDecoder` for one batch; its outputs come in the order of the sequences. One that another begins with
 * is answered inside it.
 * @param sequences token ids, none empty
 */
export function packedFeeds(sequences: readonly ArrayLike<number>[]): Batch {
  const { hosts, answers } = foldSequences(sequences);
  const computed = hosts.map((row) => sequences[row]!);
  return laidOut(computed, sharedPrefixes(computed), answers);
}

/** Sequences of which none begins with another, and all begin alike. */
export interface ContinuedSequences {
  readonly sequences: readonly ArrayLike<number>[];
  /** How many tokens all of them begin with; at least one of each follows. */
  readonly shared: number;
  /** Of how many of these keys and values are known; every answer follows a later token. */
  readonly known: number;
  /** `host` counts the sequences. */
  readonly answers: readonly FoldedAnswer[];
}

/** The feeds of `continuedDecoder` for one batch, but for keys and values: a row of each known token, or one where there is none. */
export function continuedFeeds({ sequences, shared, known, answers }: ContinuedSequences): Batch {
  const group = { length: shared, members: sequences.map((_, member) => member) };
  const past = Math.max(known, 1);
  return {
    ...laidOut(sequences, [group], answers, known),
    pastIndex: counted(past),
    pastVisible: { shape: [1, past], data: new Int32Array(past).fill(known === 0 ? 0 : 1) },
  };
}

/**
 * The feeds of sequences of which none begins with another.
 * @param answers where `host` counts these sequences
 * @param known tokens that are left out of the one prefix
 */
function laidOut(
  sequences: readonly ArrayLike<number>[],
  groups: readonly PrefixGroup[],
  answers: readonly FoldedAnswer[],
  known = 0,
): Batch {
  const count = sequences.length;
  const prefixes = groups.length;
  const prefixTime = groups.reduce((most, { length }) => Math.max(most, length - known), 1);
  const prefixOf = new Int32Array(count);
  const prefixLength = new Int32Array(count);
  groups.forEach(({ length, members }, group) => {
    for (const member of members) {
      prefixOf[member] = group;
      prefixLength[member] = length;
    }
  });
  const stretch = Math.ceil(
    sequences.reduce((most, ids, row) => Math.max(most, ids.length - prefixLength[row]!), 1) / stretches,
  );
  const time = stretches * stretch;

  const prefixPlaces = new Int32Array(prefixes * prefixTime).fill(-1);
  const places = new Int32Array(count * time).fill(-1);
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
    put(sequences[members[0]!]!, [known, length], prefixPlaces, group, prefixTime, 0);
  });
  sequences.forEach((ids, row) => {
    put(ids, [prefixLength[row]!, ids.length], places, row, time, prefixes * prefixTime);
  });
  /** The place among the tokens of what is at a position of a sequence, in its prefix or in what is its own. */
  const placeOf = (row: number, position: number): number => {
    const own = position - prefixLength[row]!;
    return own < 0
      ? prefixPlaces[prefixOf[row]! * prefixTime + position - known]!
      : places[row * time + own]!;
  };
  return {
    tokens: ints(tokens),
    positions: ints(positions),
    prefixPlaces: { shape: [prefixes, prefixTime], data: prefixPlaces },
    places: { shape: [count, stretches, stretch], data: places },
    spread: { shape: [tokens.length, 3], data: Int32Array.from(spread) },
    prefixOf: ints(prefixOf),
    last: ints(answers.map(({ host, length }) => placeOf(host, length - 1))),
    sequenceOf: ints(answers.map(({ host }) => host)),
    prefixNumber: counted(prefixes),
    sequenceNumber: counted(count),
    prefixIndex: counted(prefixTime, known),
    index: { ...counted(time), shape: [stretches, stretch] },
  };
}

function ints(values: ArrayLike<number>): Feed {
  return { shape: [values.length], data: Int32Array.from(values) };
}

function counted(count: number, from = 0): Feed {
  return ints(Array.from({ length: count }, (_, i) => from + i));
}
