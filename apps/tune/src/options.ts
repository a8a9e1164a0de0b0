/** Names of the ways to divide the work of a search. */
export const schedulers = ["median", "asha", "none"] as const;

/** What the command line says of a search. */
export interface SearchOptions {
  readonly config?: string;
  readonly seeds?: number;
  readonly scheduler?: (typeof schedulers)[number];
  readonly workers?: string;
}

/** What the command line says. */
export interface TuneCommandOptions extends SearchOptions {
  readonly set: string[];
  readonly queue?: string;
  readonly parallel?: number;
  readonly threads?: number;
  readonly out?: string;
  readonly trials: string;
  readonly cache: string;
}
