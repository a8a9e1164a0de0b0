import type { Numbers } from "@corella/metrics";

/** Counts of events before a sample that may be known of it. */
export const countNames = ["userEvents", "itemEvents"] as const;

/** The name of a count. */
export type CountName = (typeof countNames)[number];

/** What is known of samples before the LLM is asked, beside the CRM's answers: one value a row in each array. */
export interface RoutingSignals {
  /** Events of the user's history that the sample tells. */
  readonly historyLengths: Numbers;
  /** Events of the user before the sample, told or not; absent where that is not known. */
  readonly userEvents?: Numbers | undefined;
  /** Events of the item before the sample, whoever's; absent where nothing counts them. */
  readonly itemEvents?: Numbers | undefined;
}

/** The signals of some rows. */
export function signalsAtRows(signals: RoutingSignals, rows: ArrayLike<number>): RoutingSignals {
  const select = (values: Numbers): Float64Array => Float64Array.from(rows, (row) => values[row]!);
  return {
    historyLengths: select(signals.historyLengths),
    ...Object.fromEntries(
      countNames.flatMap((name) => (signals[name] === undefined ? [] : [[name, select(signals[name])]])),
    ),
  };
}
