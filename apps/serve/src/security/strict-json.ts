/** How deep lists and objects of a request may lie in each other: far more than any request has. */
export const maxDepth = 32;

/** What is wrong with a JSON text, and where: an offset in characters. */
export interface JsonFinding {
  readonly problem: string;
  readonly offset: number;
}

const quote = 0x22;
const backslash = 0x5c;

/**
 * Parses JSON that every reader reads alike: not with a name that an object has twice, of which one program sees the first and another
 * the last, nor with half of a surrogate pair, which is no character, nor nested without end, which takes the parser a second.
 * @returns the value, or the first that is wrong
 * @throws SyntaxError where it is no JSON
 */
export function parseUnambiguous(text: string): { readonly value: unknown } | JsonFinding {
  const names = countNames(text);
  if (typeof names !== "number") return names;
  const value: unknown = JSON.parse(text);
  // Counting is much quicker than looking, and hardly any text has to be looked at.
  const isPlain = !/\\u[dD][89a-fA-F]/.test(text);
  if (isPlain && countKeys(value) === names) return { value };
  return findAmbiguity(text) ?? { value };
}

/** How many names stand in a text, all objects together: as many as colons outside of strings. */
function countNames(text: string): number | JsonFinding {
  let names = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: // [
        depth += 1;
        if (depth > maxDepth) return tooDeep(i);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth -= 1;
        break;
      case 0x3a: // :
        names += 1;
        break;
      case quote:
        i = endOfString(text, i).end;
        break;
    }
  }
  return names;
}

/** How many names the objects of a value have together. */
function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const each of value) count += countKeys(each);
    return count;
  }
  for (const each of Object.values(value)) count += 1 + countKeys(each);
  return count;
}

/** What of a JSON text `parseUnambiguous` refuses, and where it stands first. */
function findAmbiguity(text: string): JsonFinding | undefined {
  /** Of each object that is open its names so far; undefined of a list. */
  const open: (Set<string> | undefined)[] = [];
  /** Whether the next string is a name. */
  let atName = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
        if (open.push(new Set()) > maxDepth) return tooDeep(i);
        atName = true;
        break;
      case 0x5b: // [
        if (open.push(undefined) > maxDepth) return tooDeep(i);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        atName = false;
        break;
      case 0x2c: // ,
        atName = open.at(-1) !== undefined;
        break;
      case quote: {
        const { end, escaped } = endOfString(text, i);
        const content = escaped ? unescaped(text.slice(i, end + 1)) : text.slice(i + 1, end);
        if (content === undefined) return undefined;
        if (escaped && /\p{Cs}/u.test(content))
          return { problem: "half of a surrogate pair is no character", offset: i };
        const names = atName ? open.at(-1) : undefined;
        if (names?.has(content) === true)
          return { problem: `the name ${JSON.stringify(content.slice(0, 100))} stands twice`, offset: i };
        names?.add(content);
        atName = false;
        i = end;
        break;
      }
    }
  }
  return undefined;
}

/** Where the string that begins at a quote ends, and whether anything in it is escaped. */
function endOfString(text: string, start: number): { end: number; escaped: boolean } {
  const end = text.indexOf('"', start + 1);
  if (end < 0) return { end: text.length, escaped: false };
  if (text.charCodeAt(end - 1) !== backslash && !text.slice(start, end).includes("\\"))
    return { end, escaped: false };
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === backslash ? 2 : 1;
  return { end: at, escaped: true };
}

/** The content of a string; undefined where it is none. */
function unescaped(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string;
  } catch {
    return undefined;
  }
}

function tooDeep(offset: number): JsonFinding {
  return { problem: `lists and objects lie more than ${maxDepth} deep in each other`, offset };
}
