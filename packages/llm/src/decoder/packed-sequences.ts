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
  places: { shape: ["sequences", "time"], dtype: "int32" },
  spread: { shape: ["tokens", 3], dtype: "int32" },
  prefixOf: { shape: ["sequences"], dtype: "int32" },
  last: { shape: ["batch"], dtype: "int32" },
  sequenceOf: { shape: ["batch"], dtype: "int32" },
  prefixNumber: { shape: ["prefixes"], dtype: "int32" },
  sequenceNumber: { shape: ["sequences"], dtype: "int32" },
  prefixIndex: { shape: ["prefixTime"], dtype: "int32" },
  index: { shape: ["time"], dtype: "int32" },
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
  const places = input("places");
  const spread = input("spread");
  const prefixOf = input("prefixOf");
  const sequenceOf = input("sequenceOf");
  const prefixNumber = input("prefixNumber");
  const sequenceNumber = input("sequenceNumber");
  const prefixIndex = input("prefixIndex");
  const index = input("index");
  const last = input("last");
  const [prefixes, prefixTime] = prefixPlaces.shape as [number, number];
  const [sequences, time] = places.shape as [number, number];
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
  const bias = tf.concat(
    [
      near(wholeBias(ownPrefix, group * time), ownPositions, prefixRow),
      near(causalBias(row, index, visible, group), row, row),
    ],
    3,
  );
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
  /** What a sequence sees: its prefix and itself, [sequences, keyValueHeads, prefixTime + time, headDim]. */
  const joined = ([ofPrefixes, ofSequences]: readonly [tf.Tensor, tf.Tensor]): tf.Tensor =>
    tf.concat([repeatedRows(ofPrefixes, prefixOf, prefixNumber), ofSequences], 2);
  const prefixOfAnswers = ofAnswers(prefixOf);
  /** What the sequence of an answer sees, likewise: [batch, ...]. */
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
        const seen = [
          attention(prefixQ, keys[0], values[0], prefixBias),
          attention(ownQ, joined(keys), joined(values), bias),
        ];
        const rows = seen.map((x) => tf.reshape(x, [x.size / headDim, headDim]));
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
