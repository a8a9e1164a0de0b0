/** An array of weights, of one element type. */
export type WeightArray = Uint8Array | Int8Array | Uint16Array | Float32Array;

/** Where the weights of a model go, part by part. */
export interface WeightStore {
  /**
   * Room for `length` elements of the type of `like`. `array` stands for them in a graph; `write` puts a part at an
   * element's place.
   */
  reserve(
    like: WeightArray,
    length: number,
  ): { readonly array: WeightArray; write(part: WeightArray, start: number): Promise<void> };
}

/** Weights as arrays of this process. */
export const inMemory: WeightStore = {
  reserve(like, length) {
    const array = emptyLike(like, length);
    return {
      array,
      async write(part, start) {
        array.set(part, start);
      },
    };
  },
};

/** A new array of the same element type. */
export function emptyLike(like: WeightArray, length: number): WeightArray {
  return new (like.constructor as new (length: number) => WeightArray)(length);
}
