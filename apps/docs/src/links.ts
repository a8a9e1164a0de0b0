import { posix } from "node:path";

/** Where a page of the site lies, by the file of the repository that it shows. */
export function pageOf(file: string): string {
  if (file.startsWith("docs/") && file.endsWith(".md")) return file.slice("docs/".length);
  if (file.endsWith("/README.md")) return `${posix.dirname(file)}.md`;
  // The root has a SECURITY.md, docs/ a security.md.
  if (file.endsWith(".md")) return file.includes("/") ? file : `repository/${file}`;
  if (file.startsWith("docs/")) return `${file.slice("docs/".length)}/index.md`;
  // VitePress leaves out what begins with a dot.
  return `source/${file.replaceAll(/(^|\/)\./g, "$1")}.md`;
}

/** Where an image of the site lies. */
export function imageOf(file: string): string {
  return file.replace(/^docs\//, "");
}

/** A link of a Markdown file that leads to a file of the repository. */
export interface Link {
  /** Relative to the repository. */
  readonly file: string;
  /** With its `#`, or empty. */
  readonly anchor: string;
  /** From 1. */
  readonly line: number;
}

const links = /(\]\()([^)\s]+)(\))|((?:src|href)=")([^"]+)(")/g;

/**
 * Replaces the links of a Markdown file to other files of the repository; those in code, to other sites and within the
 * page stay.
 * @param replaced where a link leads instead
 */
export function replaceLinks(file: string, text: string, replaced: (link: Link) => string): string {
  let fence: string | undefined;
  const lines = text.split("\n").map((line, index) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark !== undefined) {
      if (fence === undefined) fence = mark;
      else if (line.trim() === fence) fence = undefined;
      return line;
    }
    if (fence !== undefined) return line;
    // Odd parts are code.
    return line
      .split(/(`+[^`]*`+)/)
      .map((part, i) =>
        i % 2 === 1
          ? part
          : part.replace(links, (whole, ...groups: (string | undefined)[]) => {
              const [start, target, end] = groups[0] === undefined ? groups.slice(3) : groups;
              if (/^([a-z]+:|#|\/\/)/.test(target!)) return whole;
              const [path, anchor = ""] = target!.split(/(?=#)/) as [string, string?];
              const to = posix.join(posix.dirname(file), decodeURI(path)).replace(/\/$/, "");
              return `${start}${replaced({ file: to, anchor, line: index + 1 })}${end}`;
            }),
      )
      .join("");
  });
  return lines.join("\n");
}
