/** A value that stands in a cell as JSON or as Python prints it. */
export type Literal =
  | string
  | number
  | boolean
  | null
  | readonly Literal[]
  | { readonly [key: string]: Literal };

/**
 * Reads a cell that is a list or an object: JSON, or Python's own spelling of lists, tuples, sets, dictionaries and NumPy
 * arrays (`['calm', 'long']`, `[{'id': 16, 'name': 'Animation'}]`, `['a' 'b']`); undefined for every other text.
 */
export function parseLiteral(text: string): Literal | undefined {
  const trimmed = text.trim();
  if (!/^(?:\[[^]*\]|\{[^]*\}|\([^]*\))$/.test(trimmed)) return undefined;
  try {
    return JSON.parse(trimmed) as Literal;
  } catch {
    const reader: Reader = { text: trimmed, at: 0, depth: 0 };
    const value = readValue(reader);
    return value !== undefined && reader.at === trimmed.length ? value : undefined;
  }
}

interface Reader {
  readonly text: string;
  at: number;
  /** How many brackets are open. */
  depth: number;
}

/** No data nest deeper; what does would end in a stack overflow. */
const deepest = 200;

const closing: Readonly<Record<string, string>> = { "[": "]", "(": ")", "{": "}" };
const words: Readonly<Record<string, Literal>> = {
  True: true,
  true: true,
  False: false,
  false: false,
  None: null,
  null: null,
  nan: null,
  NaN: null,
};
const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\n": "",
};

function readValue(reader: Reader): Literal | undefined {
  const first = reader.text[reader.at];
  if (first === undefined) return undefined;
  if (first in closing) return readItems(reader, closing[first]!);
  if (first === "'" || first === '"') return readString(reader, first);
  if (first === "u" && /["']/.test(reader.text[reader.at + 1] ?? "")) {
    reader.at++;
    return readString(reader, reader.text[reader.at]!);
  }
  const [word, digits] =
    /^(?:([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)L?|[A-Za-z]+)(?=[\s,:\])}]|$)/.exec(
      reader.text.slice(reader.at, reader.at + 40),
    ) ?? [];
  if (word === undefined) return undefined;
  reader.at += word.length;
  if (digits === undefined) return Object.hasOwn(words, word) ? words[word] : undefined;
  const number = Number(digits);
  // Ids of more digits than a number keeps stay texts.
  return /^[-+]?\d+$/.test(digits) && !Number.isSafeInteger(number) ? digits : number;
}

/** Values up to a bracket, parted by commas or, as NumPy prints them, by blanks; with colons they are an object. */
function readItems(reader: Reader, end: string): Literal | undefined {
  const items: Literal[] = [];
  const entries: [string, Literal][] = [];
  if (++reader.depth > deepest) return undefined;
  reader.at++;
  for (;;) {
    skip(reader, /[\s,]*/y);
    if (reader.text[reader.at] === end) break;
    const item = readValue(reader);
    if (item === undefined) return undefined;
    skip(reader, /\s*/y);
    if (end === "}" && reader.text[reader.at] === ":") {
      reader.at++;
      skip(reader, /\s*/y);
      const value = readValue(reader);
      if (value === undefined) return undefined;
      entries.push([String(item), value]);
    } else items.push(item);
  }
  reader.at++;
  reader.depth--;
  if (entries.length > 0) return items.length > 0 ? undefined : Object.fromEntries(entries);
  return items;
}

function readString(reader: Reader, quote: string): string | undefined {
  let value = "";
  for (let at = reader.at + 1; at < reader.text.length; at++) {
    const character = reader.text[at]!;
    if (character === quote) {
      reader.at = at + 1;
      return value;
    }
    if (character !== "\\") {
      value += character;
      continue;
    }
    const code = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(00[01][0-9a-fA-F]{5})|([0-7]{1,3}))/.exec(
      reader.text.slice(at + 1, at + 10),
    );
    if (code === null) {
      const next = reader.text[++at] ?? "";
      // An escape that Python does not know stands as it is.
      value += escapes[next] ?? (/["'\\]/.test(next) ? next : `\\${next}`);
    } else {
      const [, short, long, longest, octal] = code;
      const point =
        octal === undefined ? Number.parseInt(short ?? long ?? longest!, 16) : Number.parseInt(octal, 8);
      if (point > 0x10ffff) return undefined;
      value += String.fromCodePoint(point);
      at += code[0].length;
    }
  }
  return undefined;
}

function skip(reader: Reader, pattern: RegExp): void {
  pattern.lastIndex = reader.at;
  reader.at += pattern.exec(reader.text)![0].length;
}

/**
 * The texts of a list or object, lists of lists made flat (each text once then).
 * @param key the field of its objects that is meant; "*": the names of their fields
 * @returns the texts, or the names of the fields of an object whose field is not said
 */
export function textsOf(value: Literal, key: string | undefined): string[] | { fields: string[] } {
  const texts: string[] = [];
  let nested = false;
  const visit = (inner: Literal, depth: number): { fields: string[] } | undefined => {
    if (inner === null) return undefined;
    if (Array.isArray(inner)) {
      nested ||= depth > 0;
      for (const element of inner as readonly Literal[]) {
        const problem = visit(element, depth + 1);
        if (problem !== undefined) return problem;
      }
      return undefined;
    }
    if (typeof inner === "object") {
      const fields = Object.keys(inner);
      if (key === "*") texts.push(...fields);
      else if (key === undefined || (fields.length > 0 && !fields.includes(key))) return { fields };
      else if (fields.length > 0) return visit((inner as Record<string, Literal>)[key]!, depth);
      return undefined;
    }
    const text = String(inner).trim();
    if (text !== "") texts.push(text);
    return undefined;
  };
  return visit(value, 0) ?? (nested ? [...new Set(texts)] : texts);
}
