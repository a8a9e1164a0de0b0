import type { RunConfig, TrialRecord } from "@corella/alignment";
import type { ValidationResult } from "@corella/engine";
import type { PlainError } from "@corella/errors";

/** What crosses between the command and a process that trains. */
export type TrialRequest =
  | {
      readonly kind: "run";
      readonly config: RunConfig;
      readonly folder: string;
      readonly test: boolean;
      /** Relative paths of the configuration start here. */
      readonly baseFolder: string;
      readonly cacheFolder: string;
      readonly threads: number;
    }
  /** A unit of a search, by the file of its spec. */
  | { readonly kind: "unit"; readonly specFile: string }
  /** The answer to a validation. */
  | { readonly kind: "verdict"; readonly goOn: boolean }
  | { readonly kind: "abort" };

/** What the process of a trial tells the search. */
export type TrialReply =
  | {
      readonly kind: "started";
      readonly steps: number;
      readonly step: number;
      readonly samplesPerStep: number;
      readonly validations: readonly ValidationResult[];
    }
  /** Another search trains the same trial. */
  | { readonly kind: "waiting" }
  | { readonly kind: "step"; readonly step: number }
  /** Training waits for the verdict. */
  | { readonly kind: "validation"; readonly result: ValidationResult }
  /** With the record of a trial; a unit leaves a file. */
  | { readonly kind: "done"; readonly record?: TrialRecord }
  | { readonly kind: "error"; readonly error: PlainError };
