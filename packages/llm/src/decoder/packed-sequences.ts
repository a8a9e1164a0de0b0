import { tf, type InputSpec } from "@corella/engine";
import type { Queries } from "./block.ts";
import { scoreScale, type AttentionConfig } from "./layer-attention.ts";
import { attention, causalBias, wholeBias, windowBias } from "../operations/attention.ts";
import { rotate, rotationAt, scaled } from "../operations/rope.ts";
import {
  collectHeads,
  headPlaces,
  repeatedRows,
  spreadHeads,
  type HeadPlaces,
} from "../operations/spread.ts";

type PackedInput =
  | "tokens"
  | "positions"
  | "prefixPlaces"
  | "places"
  | "spread"
  | "prefixOf"
  | "last"
  | "sequenceOf"
  | "prefixNumber"
  | "sequenceNumber"
  | "prefixIndex"
  | "index";

/**
 * Sequences are computed in so many stretches of equal length, of which each attends to those before it and to itself: with
 * n of them (n + 1) / 2n of what every token together with every other would cost.
 */
export const stretches = 4;

/**
 * What `packedFeeds` feeds: all tokens in one row without filling, first those of the shared prefixes, then what follows
 * them in each sequence. `positions` count from the start of the whole sequence. `prefixPlaces` and `places` say where the
 * tokens stand, -1 fills; `spread` is the way back (operations/spread.ts); `prefixOf` names the prefix that a sequence goes
 * on from. Of each of the `batch` answers, of which a sequence may hold several, `sequenceOf` names the sequence and `last`
 * the place of the token that it follows. The other four count 0, 1, 2, ...
 */
export const packedInputs: Readonly<Record<PackedInput, InputSpec>> = {
  tokens: { shape: ["tokens"], dtype: "int32" },
  positions: { shape: ["tokens"], dtype: "int32" },
  prefixPlaces: { shape: ["prefixes", "prefixTime"], dtype: "int32" },
  places: { shape: ["sequences", stretches, "stretch"], dtype: "int32" },
  spread: { shape: ["tokens", 3], dtype: "int32" },
  prefixOf: { shape: ["sequences"], dtype: "int32" },
  last: { shape: ["batch"], dtype: "int32" },
  sequenceOf: { shape: ["batch"], dtype: "int32" },
  prefixNumber: { shape: ["prefixes"], dtype: "int32" },
  sequenceNumber: { shape: ["sequences"], dtype: "int32" },
  prefixIndex: { shape: ["prefixTime"], dtype: "int32" },
  index: { shape: [stretches, "stretch"], dtype: "int32" },
};

/** The places of tokens that were computed before, with which the one prefix of a batch begins. */
export interface PastPlaces {
  /** int32 [past], 0, 1, 2, ... */
  readonly index: tf.Tensor;
  /** int32 [1, past], 0 where there is none */
  readonly visible: tf.Tensor;
}

/** What one layer knows of the tokens before: a row of each token, [past, keyValueHeads * headDim], keys after RoPE. */
export interface PastRows {
  readonly keys: tf.Tensor;
  readonly values: tf.Tensor;
}

/** A layer's queries of every token, and of those that an answer follows. */
export interface PackedQueries {
  readonly all: Queries;
  readonly one: Queries;
}

/**
 * The queries of packed sequences. A token of a prefix sees those before it; one of a sequence sees its own prefix and what is
 * before it in its own sequence, and no other.
 * @param past with it there is one prefix, and `prefixIndex` counts on from what came before
 * @returns of each layer the queries; `keep` gets the rows of the batch's own tokens
 */
export function packedQueries(
  config: AttentionConfig,
  input: (name: PackedInput) => tf.Tensor,
  past?: PastPlaces,
): (rows?: PastRows, keep?: (own: PastRows) => void) => PackedQueries {
  const { heads, keyValueHeads, headDim, window } = config;
  const group = heads / keyValueHeads;
  const prefixPlaces = input("prefixPlaces");
  const spread = input("spread");
  const prefixOf = input("prefixOf");
  const sequenceOf = input("sequenceOf");
  const prefixNumber = input("prefixNumber");
  const sequenceNumber = input("sequenceNumber");
  const prefixIndex = input("prefixIndex");
  const last = input("last");
  const [prefixes, prefixTime] = prefixPlaces.shape as [number, number];
  const [sequences, , stretch] = input("places").shape as [number, number, number];
  const time = stretches * stretch;
  const places = tf.reshape(input("places"), [sequences, time]);
  const index = tf.reshape(input("index"), [time]);
  const answers = last.shape[0]!;
  const tokens = spread.shape[0]!;

  const positions = tf.reshape(input("positions"), [tokens, 1]);
  const keyRotation = rotationAt(positions, config);
  const queryRotation = scaled(keyRotation, scoreScale(config));
  const queryPlaces = headPlaces(prefixPlaces, places, spread, heads);
  const keyPlaces = headPlaces(prefixPlaces, places, spread, keyValueHeads);

  const isReal = (x: tf.Tensor): tf.Tensor => tf.cast(tf.greaterEqual(x, 0), "int32");
  const prefixVisible = isReal(prefixPlaces);
  const visible = isReal(places);
  const ownPrefix = tf.gather(prefixVisible, prefixOf);
  const prefixRow = tf.reshape(prefixIndex, [1, prefixTime]);
  const row = tf.reshape(index, [1, time]);
  // Positions in the whole sequence: [sequences, time].
  const lengthOf = (seen: tf.Tensor): tf.Tensor => tf.sum(tf.cast(seen, "float32"), 1, true);
  const before =
    past === undefined ? lengthOf(ownPrefix) : tf.add(lengthOf(ownPrefix), lengthOf(past.visible));
  const ownPositions = tf.add(before, tf.cast(row, "float32"));
  /** The bias of what is seen, without what is outside the window. */
  const near = (seen: tf.Tensor, queryPositions: tf.Tensor, keyPositions: tf.Tensor): tf.Tensor =>
    window === undefined ? seen : tf.add(seen, windowBias(queryPositions, keyPositions, window, group));
  /** What queries of a prefix or of sequences that go on from it see of the tokens before, if there are any. */
  const pastBias = (prefixNumbers: tf.Tensor, queryPositions: tf.Tensor): tf.Tensor[] => {
    if (past === undefined) return [];
    const seen = wholeBias(tf.gather(past.visible, prefixNumbers), group * queryPositions.shape[1]!);
    return [near(seen, queryPositions, tf.reshape(past.index, [1, past.index.shape[0]!]))];
  };
  const prefixBias = tf.concat(
    [
      ...pastBias(prefixNumber, prefixRow),
      near(causalBias(prefixRow, prefixIndex, prefixVisible, group), prefixRow, prefixRow),
    ],
    3,
  );
  /** The stretches of x [rows, time, ...rest], each [rows, stretch, ...rest]. */
  const inStretches = (x: tf.Tensor): tf.Tensor[] => {
    const [rows, , ...rest] = x.shape as number[];
    const parts = tf.split(tf.reshape(x, [rows!, stretches, stretch, ...rest]), stretches, 1);
    return parts.map((part) => tf.reshape(part, [rows!, stretch, ...rest]));
  };
  const indexOf = inStretches(row);
  const positionsOf = inStretches(ownPositions);
  const visibleOf = inStretches(visible);
  /** What the queries of each stretch may see: the prefix, the stretches before, and their own up to themselves. */
  const biases = indexOf.map((queryRow, i) => {
    const keyRow = tf.concat(indexOf.slice(0, i + 1), 1);
    const keyVisible = tf.concat(visibleOf.slice(0, i + 1), 1);
    const seen = causalBias(queryRow, tf.reshape(keyRow, [-1]), keyVisible, group);
    return tf.concat(
      [
        ...pastBias(prefixOf, positionsOf[i]!),
        near(wholeBias(ownPrefix, group * stretch), positionsOf[i]!, prefixRow),
        near(seen, queryRow, keyRow),
      ],
      3,
    );
  });
  // An answer may follow any token, one of the prefix too, and sees what is before that.
  const ofAnswers = (x: tf.Tensor): tf.Tensor => tf.gather(x, sequenceOf);
  const answerPositions = tf.gather(positions, last);
  const ownAnswerIndex = tf.cast(tf.sub(tf.cast(answerPositions, "float32"), ofAnswers(before)), "int32");
  const answerRotation = scaled(rotationAt(answerPositions, config, positions), scoreScale(config));
  const prefixOfAnswers = ofAnswers(prefixOf);
  const answerBias = tf.concat(
    [
      ...pastBias(prefixOfAnswers, answerPositions),
      near(causalBias(answerPositions, prefixIndex, ofAnswers(ownPrefix), group), answerPositions, prefixRow),
      near(causalBias(ownAnswerIndex, index, ofAnswers(visible), group), ownAnswerIndex, row),
    ],
    3,
  );

  /** [tokens, count * headDim] -> the prefixes' [prefixes, count, prefixTime, headDim], the sequences' [sequences, ...] */
  const split = (x: tf.Tensor, at: HeadPlaces): [tf.Tensor, tf.Tensor] => {
    const count = at.heads;
    const rows = [prefixes * count * prefixTime, sequences * count * time];
    const [ofPrefixes, ofSequences] = tf.split(spreadHeads(x, at), rows) as [tf.Tensor, tf.Tensor];
    return [
      tf.reshape(ofPrefixes, [prefixes, count, prefixTime, headDim]),
      tf.reshape(ofSequences, [sequences, count, time, headDim]),
    ];
  };
  /** The stretches of [sequences, count, time, headDim], each [sequences, count, stretch, headDim]. */
  const stretchesOf = (x: tf.Tensor): tf.Tensor[] => {
    const count = x.shape[1]!;
    return inStretches(tf.reshape(x, [sequences * count, time, headDim])).map((part) =>
      tf.reshape(part, [sequences, count, stretch, headDim]),
    );
  };
  /** The rows by heads: those before the prefix if there are any, the prefixes', and the sequences'. */
  const byHeads = (x: tf.Tensor, rowsBefore: tf.Tensor | undefined): SeenRows => {
    const [ofPrefixes, ofSequences] = split(x, keyPlaces);
    if (past === undefined) return { ofPrefixes: [ofPrefixes], ofSequences };
    const known = tf.reshape(rowsBefore!, [1, past.index.shape[0]!, keyValueHeads, headDim]);
    return { ofPrefixes: [tf.transpose(known, [0, 2, 1, 3]), ofPrefixes], ofSequences };
  };
  /** What each stretch sees: [sequences, keyValueHeads, past + prefixTime + so many stretches, headDim]. */
  const seenByStretch = ({ ofPrefixes, ofSequences }: SeenRows): tf.Tensor[] => {
    const prefix = ofPrefixes.map((part) => repeatedRows(part, prefixOf, prefixNumber));
    const parts = stretchesOf(ofSequences);
    return parts.map((_, i) => tf.concat([...prefix, ...parts.slice(0, i + 1)], 2));
  };
  /** What the sequence of an answer sees: [batch, keyValueHeads, past + prefixTime + time, headDim]. */
  const joinedOfAnswers = ({ ofPrefixes, ofSequences }: SeenRows): tf.Tensor =>
    tf.concat(
      [
        ...ofPrefixes.map((part) => repeatedRows(part, prefixOfAnswers, prefixNumber)),
        repeatedRows(ofSequences, sequenceOf, sequenceNumber),
      ],
      2,
    );
  const rotated = (x: tf.Tensor, rotation: typeof keyRotation, count: number): tf.Tensor =>
    tf.reshape(rotate(tf.reshape(x, [x.shape[0]!, count, 1, headDim]), rotation), x.shape);

  /** The batch's own rows, [tokens, keyValueHeads * headDim]. */
  const rowsOf = (k: tf.Tensor, v: tf.Tensor): PastRows => ({
    keys: rotated(k, keyRotation, keyValueHeads),
    values: v,
  });

  return (known, keep) => ({
    all: {
      pick: (x) => x,
      attend(q, k, v) {
        const [prefixQ, ownQ] = split(rotated(q, queryRotation, heads), queryPlaces);
        const own = rowsOf(k, v);
        keep?.(own);
        const keys = byHeads(own.keys, known?.keys);
        const values = byHeads(own.values, known?.values);
        const ofPrefixes = attention(
          prefixQ,
          tf.concat([...keys.ofPrefixes], 2),
          tf.concat([...values.ofPrefixes], 2),
          prefixBias,
        );
        const [ownK, ownV] = [seenByStretch(keys), seenByStretch(values)];
        const ofSequences = tf.concat(
          stretchesOf(ownQ).map((query, i) => attention(query, ownK[i]!, ownV[i]!, biases[i]!)),
          2,
        );
        const rows = [ofPrefixes, ofSequences].map((x) => tf.reshape(x, [x.size / headDim, headDim]));
        return collectHeads(tf.concat(rows), queryPlaces);
      },
    },
    one: {
      pick: (x) => tf.gather(x, last),
      attend(q, k, v) {
        const query = tf.reshape(rotated(q, answerRotation, heads), [answers, heads, 1, headDim]);
        const own = rowsOf(k, v);
        keep?.(own);
        const keys = joinedOfAnswers(byHeads(own.keys, known?.keys));
        const seen = attention(query, keys, joinedOfAnswers(byHeads(own.values, known?.values)), answerBias);
        return tf.reshape(seen, [answers, heads * headDim]);
      },
    },
  });
}

/** Keys or values by heads, each [rows, keyValueHeads, places, headDim]. */
interface SeenRows {
  /** One after another along the places. */
  readonly ofPrefixes: readonly tf.Tensor[];
  readonly ofSequences: tf.Tensor;
}
