import { CorellaError } from "@corella/errors";

/** What a model costs, as far as it is known. */
export interface ModelCost {
  /** Minutes of the training that the model comes from. */
  readonly trainingMinutes?: number | undefined;
  /** Milliseconds of one prediction, as a mean over samples that were scored in batches. */
  readonly msPerSample?: number | undefined;
  /** Money for 1,000 predictions, by prices that were given, in their currency. */
  readonly moneyPer1000?: number | undefined;
}

/** What is paid for; each in the same currency. */
export interface Prices {
  /** An hour of the machine that predicts; default 0. */
  readonly machineHour?: number | undefined;
  /** A call of a remote LLM; default 0. */
  readonly llmCall?: number | undefined;
}

/**
 * Money for 1,000 predictions: the machine's time, and the calls for the share of the samples that the LLM answers.
 * @throws CorellaError `evaluation/bad-argument` for a price or time below 0
 */
export function moneyPer1000(
  msPerSample: number,
  shareToLlm: number,
  { machineHour = 0, llmCall = 0 }: Prices,
): number {
  for (const [name, value] of Object.entries({ msPerSample, shareToLlm, machineHour, llmCall })) {
    if (value >= 0 && Number.isFinite(value)) continue;
    throw new CorellaError({
      code: "evaluation/bad-argument",
      message: `${name} is ${value}, and must be a number of at least 0.`,
      place: name,
    });
  }
  const hours = (1000 * msPerSample) / 3_600_000;
  return hours * machineHour + 1000 * shareToLlm * llmCall;
}

/** A column of costs in a table. */
export interface CostColumn {
  readonly title: string;
  readonly valueOf: (cost: ModelCost) => number | undefined;
  /** The value as a table prints it. */
  readonly format: (value: number) => string;
}

const allColumns: readonly CostColumn[] = [
  {
    title: "training",
    valueOf: ({ trainingMinutes }) => trainingMinutes,
    format: (minutes) => `${minutes.toFixed(1)} min`,
  },
  { title: "ms a sample", valueOf: ({ msPerSample }) => msPerSample, format: digits },
  { title: "money for 1,000", valueOf: ({ moneyPer1000: money }) => money, format: digits },
];

/** The columns of which one row at least has a value. */
export function costColumns(rows: readonly { readonly cost?: ModelCost | undefined }[]): CostColumn[] {
  return allColumns.filter(({ valueOf }) =>
    rows.some(({ cost }) => cost !== undefined && valueOf(cost) !== undefined),
  );
}

/** A row's cell of a column; a dash where nothing is known. */
export function costCell({ valueOf, format }: CostColumn, cost: ModelCost | undefined): string {
  const value = cost === undefined ? undefined : valueOf(cost);
  return value === undefined || !Number.isFinite(value) ? "–" : format(value);
}

/** Two digits that count: `0.021`, `1.0`, `120`. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(2);
}
