import type { Settings } from "../tuning/search-space.ts";

/** A configuration with some settings changed: a row of a table before there are seeds. */
export interface Variant {
  /** For programs: unlike every other variant's. */
  readonly id: string;
  /** For people. */
  readonly title: string;
  /** Values by the paths of settings. */
  readonly settings: Settings;
}
