import { tf, type Batch, type Program } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import type { BlockContext } from "./block.ts";
import type { DecoderConfig } from "../config/decoder.ts";
import { byLayer } from "./layer-attention.ts";
import { architectureOf } from "./architecture.ts";
import { headCrossEntropy } from "../operations/cross-entropy.ts";
import type { RecomputeOption } from "../operations/recomputed.ts";
import { headName, decoderParams } from "../config/params.ts";
import { allPositions } from "./padded-sequences.ts";

/**
 * Next-token prediction over packed chunks, for training from scratch. Feeds are those of `chunkBatch`; the loss is the
 * mean cross entropy of a token in nats.
 */
export function languageModelProgram(config: DecoderConfig, { recompute }: RecomputeOption = {}): Program {
  return {
    params: decoderParams(config),
    tables: {},
    inputs: {
      tokens: { shape: ["batch", "time"], dtype: "int32" },
      targets: { shape: ["batch", "time"], dtype: "int32" },
      index: { shape: ["time"], dtype: "int32" },
    },
    forward(scope) {
      const tokens = scope.input("tokens");
      const index = scope.input("index");
      const [batch, time] = tokens.shape as [number, number];
      const context: BlockContext = { scope, config, lora: undefined, recompute };
      const sequences = { batch, time, positions: tf.reshape(index, [1, time]), index };
      const queriesOf = byLayer(config, (attention) => allPositions(attention, sequences));
      const { block, embed, finalNorm } = architectureOf(context);
      let x = embed(tokens);
      for (let layer = 0; layer < config.layers; layer++) x = block(layer, x, queriesOf(layer));
      const loss = headCrossEntropy(
        finalNorm(x),
        scope.param(headName(config)),
        tf.reshape(scope.input("targets"), [-1]),
      );
      return { loss, outputs: { crossEntropy: loss } };
    },
  };
}

/** Token sequences of equal length for training from scratch, cut from documents that stand one after another. */
export interface PackedChunks {
  /** [count, time + 1]: a chunk's first `time` tokens predict its last `time`. */
  readonly ids: Int32Array;
  readonly count: number;
  readonly time: number;
}

/**
 * Joins documents, each closed by the end token, and cuts them into chunks of time + 1 tokens that overlap by one, so
 * that every token is predicted once. The rest that fills no chunk is left out.
 * @throws CorellaError `llm/corpus-too-small` when there is not one chunk
 */
export function packDocuments(
  documents: readonly ArrayLike<number>[],
  options: { readonly time: number; readonly endTokenId: number },
): PackedChunks {
  const { time, endTokenId } = options;
  const total = documents.reduce((sum, document) => sum + document.length + 1, 0);
  const stream = new Int32Array(total);
  let end = 0;
  for (const document of documents) {
    stream.set(document, end);
    end += document.length;
    stream[end] = endTokenId;
    end += 1;
  }
  const count = Math.floor((total - 1) / time);
  if (count === 0) {
    throw new CorellaError({
      code: "llm/corpus-too-small",
      message: `The corpus has ${total} tokens, one chunk takes ${time + 1}.`,
      remedy: "Give more text, or choose a smaller chunk length.",
    });
  }
  const ids = new Int32Array(count * (time + 1));
  for (let i = 0; i < count; i++) ids.set(stream.subarray(i * time, i * time + time + 1), i * (time + 1));
  return { ids, count, time };
}

/**
 * The feeds of `languageModelProgram` for some of the chunks.
 * @param rows which chunks, by number
 */
export function chunkBatch(chunks: PackedChunks, rows: ArrayLike<number>): Batch {
  const { ids, time } = chunks;
  const tokens = new Int32Array(rows.length * time);
  const targets = new Int32Array(rows.length * time);
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i]! * (time + 1);
    tokens.set(ids.subarray(start, start + time), i * time);
    targets.set(ids.subarray(start + 1, start + 1 + time), i * time);
  }
  return {
    tokens: { shape: [rows.length, time], data: tokens },
    targets: { shape: [rows.length, time], data: targets },
    index: { shape: [time], data: Int32Array.from({ length: time }, (_, i) => i) },
  };
}
