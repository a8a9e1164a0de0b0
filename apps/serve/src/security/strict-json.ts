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
 * Looks in a text for what JSON leaves open and readers read differently: a name that an object has twice, of which one
 * program sees the first and another the last; half of a surrogate pair, which is no character; and nesting without end.
 * Whether it is JSON at all is JSON.parse's to say.
 * @returns the first finding
 */
export function findAmbiguity(text: string): JsonFinding | undefined {
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
  let escaped = false;
  let end = start + 1;
  while (end < text.length && text.charCodeAt(end) !== quote) {
    if (text.charCodeAt(end) === backslash) {
      escaped = true;
      end += 1;
    }
    end += 1;
  }
  return { end, escaped };
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
