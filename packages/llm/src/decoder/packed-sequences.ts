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

/**
 * The queries of packed sequences: of every token, and of those that an answer follows. A token of a prefix sees those
 * before it; one of a sequence sees its own prefix and what is before it in its own sequence, and no other.
 */
export function packedQueries(
  config: AttentionConfig,
  input: (name: PackedInput) => tf.Tensor,
): { readonly all: Queries; readonly one: Queries } {
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
  const prefixLength = tf.sum(tf.cast(ownPrefix, "float32"), 1, true);
  const ownPositions = tf.add(prefixLength, tf.cast(row, "float32"));
  /** The bias of what is seen, without what is outside the window. */
  const near = (seen: tf.Tensor, queryPositions: tf.Tensor, keyPositions: tf.Tensor): tf.Tensor =>
    window === undefined ? seen : tf.add(seen, windowBias(queryPositions, keyPositions, window, group));
  const prefixBias = near(causalBias(prefixRow, prefixIndex, prefixVisible, group), prefixRow, prefixRow);
  /** The stretches of x [rows, time, ...rest], each [rows, stretch, ...rest]. */
  const inStretches = (x: tf.Tensor): tf.Tensor[] => {
    const [rows, , ...rest] = x.shape as number[];
    const parts = tf.split(tf.reshape(x, [rows!, stretches, stretch, ...rest]), stretches, 1);
    return parts.map((part) => tf.reshape(part, [rows!, stretch, ...rest]));
  };
  const rowsOf = inStretches(row);
  const positionsOf = inStretches(ownPositions);
  const visibleOf = inStretches(visible);
  /** What the queries of each stretch may see: the prefix, the stretches before, and their own up to themselves. */
  const biases = rowsOf.map((queryRow, i) => {
    const keyRow = tf.concat(rowsOf.slice(0, i + 1), 1);
    const keyVisible = tf.concat(visibleOf.slice(0, i + 1), 1);
    const seen = causalBias(queryRow, tf.reshape(keyRow, [-1]), keyVisible, group);
    return tf.concat(
      [near(wholeBias(ownPrefix, group * stretch), positionsOf[i]!, prefixRow), near(seen, queryRow, keyRow)],
      3,
    );
  });
  // An answer may follow any token, one of the prefix too, and sees what is before that.
  const ofAnswers = (x: tf.Tensor): tf.Tensor => tf.gather(x, sequenceOf);
  const answerPositions = tf.gather(positions, last);
  const ownAnswerIndex = tf.cast(
    tf.sub(tf.cast(answerPositions, "float32"), ofAnswers(prefixLength)),
    "int32",
  );
  const answerRotation = scaled(rotationAt(answerPositions, config, positions), scoreScale(config));
  const answerBias = tf.concat(
    [
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
  /** What each stretch sees: [sequences, keyValueHeads, prefixTime + so many stretches, headDim]. */
  const seenByStretch = ([ofPrefixes, ofSequences]: readonly [tf.Tensor, tf.Tensor]): tf.Tensor[] => {
    const prefix = repeatedRows(ofPrefixes, prefixOf, prefixNumber);
    const parts = stretchesOf(ofSequences);
    return parts.map((_, i) => tf.concat([prefix, ...parts.slice(0, i + 1)], 2));
  };
  const prefixOfAnswers = ofAnswers(prefixOf);
  /** What the sequence of an answer sees: [batch, keyValueHeads, prefixTime + time, headDim]. */
  const joinedOfAnswers = ([ofPrefixes, ofSequences]: readonly [tf.Tensor, tf.Tensor]): tf.Tensor =>
    tf.concat(
      [
        repeatedRows(ofPrefixes, prefixOfAnswers, prefixNumber),
        repeatedRows(ofSequences, sequenceOf, sequenceNumber),
      ],
      2,
    );
  const rotated = (x: tf.Tensor, rotation: typeof keyRotation, count: number): tf.Tensor =>
    tf.reshape(rotate(tf.reshape(x, [x.shape[0]!, count, 1, headDim]), rotation), x.shape);

  return {
    all: {
      pick: (x) => x,
      attend(q, k, v) {
        const [prefixQ, ownQ] = split(rotated(q, queryRotation, heads), queryPlaces);
        const keys = split(rotated(k, keyRotation, keyValueHeads), keyPlaces);
        const values = split(v, keyPlaces);
        const ofPrefixes = attention(prefixQ, keys[0], values[0], prefixBias);
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
        const keys = joinedOfAnswers(split(rotated(k, keyRotation, keyValueHeads), keyPlaces));
        const seen = attention(query, keys, joinedOfAnswers(split(v, keyPlaces)), answerBias);
        return tf.reshape(seen, [answers, heads * headDim]);
      },
    },
  };
}
