import type { Heading } from "../config.ts";

/** The id that a record tells all rows below it, "" where it is empty; undefined for a record that is a row. */
export type HeadingReader = (fields: readonly string[]) => string | undefined;

/** Knows heading lines: a single cell, where empty ones behind it do not count, that matches the pattern. */
export function headingReader(heading: Heading | undefined): HeadingReader {
  if (heading === undefined) return () => undefined;
  const pattern = new RegExp(heading.pattern);
  return (fields) => {
    for (let at = 1; at < fields.length; at++) if (fields[at] !== "") return undefined;
    const match = pattern.exec(fields[0]!.trim());
    return match === null ? undefined : (match[1] ?? "");
  };
}
