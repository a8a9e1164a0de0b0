import type { AttributeColumn } from "./config.ts";
import type { Attributes, AttributeValue } from "./log.ts";

/** "Heat (1995)" -> title and year; text without a year at its end is the title alone. */
export function splitTitleYear(text: string): { title: string; year?: number } {
  const match = /^(.*\S)\s*\((\d{4})\)\s*$/s.exec(text);
  return match === null ? { title: text } : { title: match[1]!, year: Number(match[2]) };
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  hellip: "…",
  ndash: "–",
  mdash: "—",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  eacute: "é",
  reg: "®",
  trade: "™",
  copy: "©",
};

/** Decodes the usual and all numeric HTML entities, drops tags, joins white space. */
export function cleanHtml(text: string): string {
  return text
    .replace(/<\/?[a-zA-Z][^<>]*>/g, " ")
    .replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]+));/g, (whole, decimal, hex, name) => {
      if (name !== undefined) return entities[name as string] ?? (whole as string);
      const point = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
      return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : "";
    })
    .replace(/\s+/g, " ")
    .trim();
}

/** The value of a cell; undefined for an empty one, and for text where a number is declared. */
export function parseAttribute(column: AttributeColumn, text: string | null): AttributeValue | undefined {
  if (text === null || text.trim() === "") return undefined;
  if (typeof column !== "object" || column.type === "text") return text;
  if (column.type === "number") {
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }
  const values = (jsonList(text) ?? text.split(column.separator)).filter((value) => value.trim() !== "");
  return values.length === 0 ? undefined : values;
}

/** The elements of a JSON array, as lists come from JSON lines and Parquet. */
function jsonList(text: string): string[] | undefined {
  if (!text.startsWith("[") || !text.endsWith("]")) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.filter((value) => value !== null).map(String) : undefined;
  } catch {
    return undefined;
  }
}

/** Applies `titleYear` and `cleanHtml` to an item's attributes. */
export function finishItem(
  attributes: Attributes,
  options: { titleYear: boolean; cleanHtml: boolean },
): Attributes {
  const finished: Record<string, AttributeValue> = { ...attributes };
  if (options.cleanHtml) {
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "string") finished[name] = cleanHtml(value);
      else if (typeof value !== "number") finished[name] = value.map(cleanHtml);
    }
  }
  if (options.titleYear && typeof finished.title === "string") {
    Object.assign(finished, splitTitleYear(finished.title));
  }
  return finished;
}
