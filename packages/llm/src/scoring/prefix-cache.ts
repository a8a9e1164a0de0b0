import { commonLength } from "../batching/token-order.ts";

/** Keys and values of one layer: rows of `width` numbers, one of each token. */
export interface KnownRows {
  readonly keys: Float32Array;
  readonly values: Float32Array;
}

/** Tokens with what every layer computed of them. */
export interface KnownPrefix {
  readonly length: number;
  readonly layers: readonly KnownRows[];
}

/** The known beginnings of sequences, as one model computed them. */
export interface KnownPrefixes {
  /** The longest beginning of a sequence that is known, of at most so many tokens. */
  find(tokens: ArrayLike<number>, most: number): KnownPrefix;
  /**
   * Keeps the beginning of a sequence: its first tokens as `found` has them, the others as they were computed now. One of which it
   * has most tokens goes.
   * @param length tokens that are kept
   * @param rows of each layer, of the tokens after those of `found` and perhaps of more
   */
  keep(tokens: ArrayLike<number>, length: number, found: KnownPrefix, rows: readonly KnownRows[]): void;
}

/** Where known beginnings are kept, within a number of bytes. */
export interface PrefixCache {
  /** Those of a model with one of its adapters. */
  of(adapter: string | undefined): KnownPrefixes;
  /** Bytes that are held now. */
  readonly bytes: number;
}

interface Entry extends KnownPrefix {
  readonly adapter: string | undefined;
  readonly tokens: Int32Array;
  readonly bytes: number;
}

/**
 * A cache of beginnings of sequences. The one that was not asked for the longest time goes first.
 * @param most bytes; a sequence that needs more is not kept
 * @param layers of the model @param width numbers in a row of keys
 */
export function createPrefixCache(most: number, layers: number, width: number): PrefixCache {
  // In the order of their last use.
  const entries = new Set<Entry>();
  let bytes = 0;
  const drop = (entry: Entry): void => {
    entries.delete(entry);
    bytes -= entry.bytes;
  };
  const nearest = (
    adapter: string | undefined,
    tokens: ArrayLike<number>,
  ): { readonly entry: Entry; readonly shared: number } | undefined => {
    let best: { entry: Entry; shared: number } | undefined;
    for (const entry of entries) {
      const shared = entry.adapter === adapter ? commonLength(entry.tokens, tokens) : 0;
      if (shared > (best?.shared ?? 0)) best = { entry, shared };
    }
    return best;
  };
  const of = (adapter: string | undefined): KnownPrefixes => ({
    find(tokens, longest) {
      const found = nearest(adapter, tokens);
      const length = Math.min(found?.shared ?? 0, longest);
      if (found === undefined || length <= 0) return { length: 0, layers: noRows(layers, width) };
      entries.delete(found.entry);
      entries.add(found.entry);
      const first = (rows: Float32Array): Float32Array => rows.subarray(0, length * width);
      return {
        length,
        layers: found.entry.layers.map(({ keys, values }) => ({ keys: first(keys), values: first(values) })),
      };
    },
    keep(tokens, length, found, rows) {
      const size = length * (4 + layers * 2 * width * 4);
      const near = nearest(adapter, tokens);
      if (size > most || (near?.shared ?? 0) >= length) return;
      if (near !== undefined && 2 * near.shared > near.entry.length) drop(near.entry);
      const joined = (before: Float32Array, own: Float32Array): Float32Array => {
        const whole = new Float32Array(length * width);
        whole.set(before.subarray(0, found.length * width));
        whole.set(own.subarray(0, (length - found.length) * width), found.length * width);
        return whole;
      };
      entries.add({
        adapter,
        tokens: Int32Array.from({ length }, (_, place) => tokens[place]!),
        length,
        layers: rows.map(({ keys, values }, layer) => ({
          keys: joined(found.layers[layer]!.keys, keys),
          values: joined(found.layers[layer]!.values, values),
        })),
        bytes: size,
      });
      bytes += size;
      for (const oldest of entries) {
        if (bytes <= most) break;
        drop(oldest);
      }
    },
  });
  return {
    of,
    get bytes() {
      return bytes;
    },
  };
}

/** The one row that stands where nothing is known. */
function noRows(layers: number, width: number): KnownRows[] {
  const row = new Float32Array(width);
  return Array.from({ length: layers }, () => ({ keys: row, values: row }));
}
