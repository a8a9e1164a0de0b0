import type { AttributeColumn } from "./source/config.ts";
import type { Attributes, AttributeValue } from "./log.ts";
import { parseLiteral, textsOf } from "./source/literal.ts";
import { parseNumber } from "./source/number.ts";

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

/**
 * The value of a cell; undefined for an empty one, and for text where a number is declared.
 * @returns `problem`: why a cell that holds something cannot be read
 */
export function parseAttribute(
  column: AttributeColumn,
  text: string | number | null,
): { value?: AttributeValue; problem?: string } {
  if (typeof text === "number") return Number.isFinite(text) ? { value: text } : {};
  if (text === null || text.trim() === "") return {};
  if (typeof column !== "object") return { value: text };
  const { type, key } = column;
  if (type === "number" && key === undefined) {
    const value = parseNumber(text);
    return value === undefined ? {} : { value };
  }
  if (type === "text" && key === undefined) return { value: text };
  const texts = listOf(text, column);
  if (!Array.isArray(texts)) return texts;
  if (texts.length === 0) return {};
  if (type === "list") return { value: texts };
  if (type === "text") return { value: texts.join(", ") };
  const value = parseNumber(texts[0]!);
  return value === undefined ? { problem: `is not a number in its field ${key}` } : { value };
}

/** The elements of a list however it is spelt: JSON, Python, in brackets, or parted by the separator; each trimmed. */
function listOf(text: string, column: AttributeColumn & object): string[] | { problem: string } {
  const { key, separator } = column;
  const literal = parseLiteral(text);
  if (literal !== undefined) {
    const texts = textsOf(literal, key);
    if (Array.isArray(texts)) return texts;
    const known = texts.fields.join(", ");
    return {
      problem:
        key === undefined
          ? `holds objects; say by \`key\` which of their fields is meant: ${known}`
          : `holds objects without a field "${key}"; they have ${known}`,
    };
  }
  const trimmed = text.trim();
  if (/^[[({]\s*(?:["'[({]|\w+\s*:)/.test(trimmed) && /["'\])}]$/.test(trimmed))
    return { problem: "looks like a list or an object, but can be read neither as JSON nor as Python's" };
  // Unquoted, as in [Drama, War] or {Drama,War}: the brackets belong to the list where they are the only ones.
  const inner = /^(?:\[([^[\]]*)\]|\{([^{}:]*)\})$/.exec(trimmed);
  const elements = inner === null ? trimmed : (inner[1] ?? inner[2]!);
  const parted = elements.includes(separator) || inner === null ? separator : ",";
  return elements
    .split(parted)
    .map((value) => value.trim())
    .filter((value) => value !== "");
}

/** Applies `titleYear` and `cleanHtml` to an item's attributes. */
export function finishItem(
  attributes: Attributes,
  options: { titleYear: boolean; cleanHtml: boolean },
): Attributes {
  const finished: Record<string, AttributeValue> = { ...attributes };
  if (options.cleanHtml) {
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "number") continue;
      // Of tags alone nothing is left, and nothing is no value.
      const cleaned =
        typeof value === "string" ? cleanHtml(value) : value.map(cleanHtml).filter((text) => text !== "");
      if (cleaned.length > 0) finished[name] = cleaned;
      else delete finished[name];
    }
  }
  if (options.titleYear && typeof finished.title === "string") {
    Object.assign(finished, splitTitleYear(finished.title));
  }
  return finished;
}
