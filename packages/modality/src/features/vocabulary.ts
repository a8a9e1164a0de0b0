/** The id of no value: it fills up sequences. */
export const paddingId = 0;
/** The id of every value that was not seen in training. */
export const oovId = 1;
/** The id of the first value. */
export const firstValueId = 2;

/** Values and their ids; 0 pads, 1 stands for every value that was not seen in training. */
export interface Vocabulary {
  readonly values: readonly string[];
  /** values.length + 2 */
  readonly size: number;
  /** The id of a value; a missing value is out-of-vocabulary. */
  idOf(value: string | undefined): number;
}

/** A vocabulary of values, whose ids ascend in their order from 2. */
export function createVocabulary(values: readonly string[]): Vocabulary {
  const ids = new Map<string, number>();
  for (const [index, value] of values.entries()) ids.set(value, index + firstValueId);
  return {
    values,
    size: values.length + firstValueId,
    idOf: (value) => (value === undefined ? oovId : (ids.get(value) ?? oovId)),
  };
}

/** Values by descending count, then ascending by UTF-16 code units; those seen less than `minCount` are left out. */
export function valuesByCount(counts: ReadonlyMap<string, number>, minCount: number): string[] {
  return [...counts]
    .filter(([, count]) => count >= minCount)
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : a > b ? 1 : 0))
    .map(([value]) => value);
}
