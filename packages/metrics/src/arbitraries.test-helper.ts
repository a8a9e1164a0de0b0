import fc from "fast-check";

/** Scores with many ties, labels of both classes mostly, and what else a test wants for each row. */
export interface ScoredRows {
  readonly a: number[];
  readonly b: number[];
  readonly labels: number[];
}

const score: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 8 }).map((n) => n / 8),
  fc.double({ min: 0, max: 1, noNaN: true }),
);

/** Rows for a property test, at least `minLength` and at most 30. */
export function scoredRows(minLength = 0): fc.Arbitrary<ScoredRows> {
  return fc
    .array(fc.tuple(score, score, fc.integer({ min: 0, max: 1 })), { minLength, maxLength: 30 })
    .map((rows) => ({
      a: rows.map(([a]) => a),
      b: rows.map(([, b]) => b),
      labels: rows.map(([, , label]) => label),
    }));
}
