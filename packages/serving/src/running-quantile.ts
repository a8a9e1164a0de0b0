/** Quantiles of the latest numbers of a stream. */
export interface RunningQuantile {
  /** How many numbers it looks at. */
  readonly size: number;
  add(value: number): void;
  /**
   * The number above or at which a share of the latest ones lies.
   * @param share above 0, at most 1
   */
  upper(share: number): number;
}

/** The quantiles of the latest `window` numbers, exactly: they are kept in order. An addition moves at most as many. */
export function createRunningQuantile(window: number): RunningQuantile {
  const latest = new Float64Array(window);
  const ascending = new Float64Array(window);
  let size = 0;
  let next = 0;
  /** The first place whose number is not below a value. */
  const placeOf = (value: number): number => {
    let [low, high] = [0, size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ascending[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    get size() {
      return size;
    },
    add(value) {
      if (size === window) {
        const oldest = placeOf(latest[next]!);
        ascending.copyWithin(oldest, oldest + 1, size);
        size -= 1;
      }
      const place = placeOf(value);
      ascending.copyWithin(place + 1, place, size);
      ascending[place] = value;
      size += 1;
      latest[next] = value;
      next = (next + 1) % window;
    },
    upper: (share) => ascending[Math.min(size - 1, Math.max(0, Math.ceil(size * (1 - share))))]!,
  };
}
