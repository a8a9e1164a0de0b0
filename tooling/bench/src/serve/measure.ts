import type { Requests } from "./requests.ts";

/** What all measures need. */
export interface MeasureOptions {
  readonly bundle: string;
  /** A folder of files for the peer and wrk. */
  readonly folder: string;
  readonly requests: Requests;
  readonly rounds: number;
  /** Of each turn; overload lasts six times as long. */
  readonly seconds: number;
  /** Requests a second of the measures at a constant rate. */
  readonly perSecond: number;
  readonly report: (progress: string) => void;
}

/** A measure: a name, what it shows, and its JSON lines. */
export interface ServeMeasure {
  readonly name: string;
  readonly what: string;
  readonly needsLlm?: true;
  run(options: MeasureOptions): Promise<object[]>;
}
