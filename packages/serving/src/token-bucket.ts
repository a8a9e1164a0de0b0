/** An amount that grows and may be spent. */
export interface TokenBucket {
  /** What is there; negative where more was spent. */
  readonly level: number;
  /** The most that is kept. */
  readonly limit: number;
  /** More is there, beyond the limit too until the next `trim`: what one call brings it may spend itself. */
  add(amount: number): void;
  spend(amount: number): void;
  /** What is above the limit is lost. */
  trim(): void;
}

/** A full bucket. @param limit the most that may be spent at once after a pause */
export function createTokenBucket(limit: number): TokenBucket {
  let level = limit;
  return {
    limit,
    get level() {
      return level;
    },
    add(amount) {
      level += amount;
    },
    spend(amount) {
      level -= amount;
    },
    trim() {
      level = Math.min(level, limit);
    },
  };
}
