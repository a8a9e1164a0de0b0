import type { Heading } from "./config.ts";

/** The id that a record tells all rows below it, "" where it is empty; undefined for a record that is a row. */
export type HeadingReader = (fields: readonly string[]) => string | undefined;

/** Knows heading lines: records that match the pattern, where empty cells at their end do not count. */
export function headingReader(heading: Heading | undefined, delimiter: string): HeadingReader {
  if (heading === undefined) return () => undefined;
  const pattern = new RegExp(heading.pattern);
  return (fields) => {
    let count = fields.length;
    while (count > 1 && fields[count - 1] === "") count--;
    const match = pattern.exec(fields.slice(0, count).join(delimiter).trim());
    return match === null ? undefined : (match[1] ?? "").trim();
  };
}
