import type { Attributes } from "@corella/modality";

/** A row as it was read. */
export interface InputRow {
  /** From 0 within its file. */
  readonly row: number;
  readonly user: string | null;
  readonly item: string | null;
  readonly time: number | null;
  readonly context?: Attributes | undefined;
  readonly userAttributes?: Attributes | undefined;
  readonly itemAttributes?: Attributes | undefined;
  /** Why it cannot be asked; undefined where it can. */
  readonly malformed?: string | undefined;
}
