/** What a tutorial asks of its reader, in order. */
export type Step =
  | { readonly kind: "file"; readonly path: string; readonly content: string; readonly line: number }
  | {
      readonly kind: "command";
      /** One line, with continued lines joined. */
      readonly command: string;
      /** What the page says that it prints, undefined where it says nothing. */
      readonly expected: string | undefined;
      readonly line: number;
    };

/**
 * Reads the steps of a tutorial: a block whose first line is a comment with a path is a file, a block of `sh` has commands, and a
 * block of `text` behind it says what the last of them prints.
 */
export function stepsOf(markdown: string): readonly Step[] {
  const steps: Step[] = [];
  for (const match of markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const [, language, content] = match as unknown as [string, string, string];
    const line = markdown.slice(0, match.index).split("\n").length;
    const path = /^(?:\/\/|#) ([\w-]+(?:\/[\w.-]+)+)\n/.exec(content)?.[1];
    const last = steps.at(-1);
    if (language === "text" && last?.kind === "command")
      steps[steps.length - 1] = { ...last, expected: content };
    else if (language === "sh") {
      for (const command of content
        .replaceAll(/\\\n\s*/g, "")
        .trim()
        .split("\n"))
        steps.push({ kind: "command", command, expected: undefined, line });
    } else if (path !== undefined) steps.push({ kind: "file", path, content, line });
  }
  return steps;
}

/**
 * Compares what was printed with what a page says. Numbers may be others, `…` is anything, white space is as wide as it likes; lines
 * come in the page's order, and there may be more of them.
 * @returns the first line of the page that was not printed, undefined where all were
 */
export function missingLine(expected: string, printed: string): string | undefined {
  let rest = printed.split("\n");
  for (const line of expected.split("\n").filter((each) => !/^\s*…?\s*$/.test(each))) {
    const pattern = patternOf(line);
    const at = rest.findIndex((each) => pattern.test(each));
    if (at < 0) return line;
    rest = rest.slice(at + 1);
  }
  return undefined;
}

/** A number, or what stands where there is none. */
const number = "(?:[+−-]?\\d*[.,]?\\d[\\d.,]*|–|NaN)";

function patternOf(line: string): RegExp {
  const parts = line.trim().split(/(…|─+|–|[+−]?(?<![\w-])[\d.,]*\d|\s+)/);
  const source = parts.map((part, i) => {
    if (i % 2 === 0) return part.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    if (part === "…") return ".*";
    if (part.startsWith("─")) return "─+";
    return part.trim() === "" ? "\\s+" : number;
  });
  return new RegExp(source.join(""));
}
