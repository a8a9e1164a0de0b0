import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The commands of the project that documents tell of. */
export const commandNames = [
  "train",
  "tune",
  "data",
  "evaluate",
  "score",
  "worker",
  "serve",
  "parity",
  "export-tuning",
  "import-adapter",
] as const;

/** Words after a command's name that make it another one, with options of its own. */
export const subcommands: Readonly<Partial<Record<CommandName, readonly (readonly string[])[]>>> = {
  score: [["plan"], ["run"], ["finish"]],
  serve: [
    ["keys", "create"],
    ["keys", "list"],
    ["keys", "remove"],
  ],
  tune: [["trial"]],
};

/** The folder of a command and its program there, where that is not main.ts of the app of its name. */
export const programs: Readonly<Partial<Record<CommandName, readonly [folder: string, program: string]>>> = {
  parity: ["tooling/parity", "main.ts"],
  "export-tuning": ["apps/train", "export-tuning.ts"],
  "import-adapter": ["apps/train", "import-adapter.ts"],
};

/** Name of a command of the project. */
export type CommandName = (typeof commandNames)[number];

/** A command as a document says it. */
export interface DocumentedCommand {
  /** Relative to the repository, with the line. */
  readonly place: string;
  readonly name: CommandName;
  readonly words: readonly string[];
}

/** Documents that tell a reader what to type. */
const documents = /^(?:[^/]+\.md|docs\/.+\.md|(?:packages|apps|data)\/[^/]+\/README\.md)$/;

const start = new RegExp(`^(?:npx --yes )?pnpm(?:@12)? (${commandNames.join("|")})(?= |$)(.*)$`);

/** Every command of the documents: lines of shell blocks, and code within the text. */
export function documentedCommands(repository: string): DocumentedCommand[] {
  return ["", "docs", "packages", "apps", "data"]
    .flatMap((folder) => filesOf(repository, folder))
    .filter((file) => documents.test(file))
    .toSorted()
    .flatMap((file) => commandsOf(readFileSync(join(repository, file), "utf8"), file));
}

/** The Markdown files near the top of a folder. */
function filesOf(repository: string, folder: string): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      const deeper = folder !== "" && (folder.startsWith("docs") || !folder.includes("/"));
      return deeper ? filesOf(repository, path) : [];
    }
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

/** The commands of one document. */
export function commandsOf(text: string, file: string): DocumentedCommand[] {
  const found: DocumentedCommand[] = [];
  let block: string | undefined;
  let continued = "";
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^\s*```(\w*)/.exec(line);
    if (fence !== null) {
      block = block === undefined ? fence[1] : undefined;
      continue;
    }
    const add = (code: string): void => {
      const [, name, rest] = start.exec(code.trim()) ?? [];
      if (name !== undefined)
        found.push({ place: `${file}:${index + 1}`, name: name as CommandName, words: wordsOf(rest!) });
    };
    if (block === "sh" || block === "bash") {
      continued += line.replace(/\\$/, "");
      if (line.endsWith("\\")) continue;
      for (const command of withoutComment(continued).split(/&&|\||;|>/)) add(command);
      continued = "";
    } else if (block === undefined) for (const [, code] of line.matchAll(/`([^`]+)`/g)) add(code!);
  }
  return found;
}

function withoutComment(line: string): string {
  return line.replace(/(^|\s)#.*$/, "");
}

/** Words of a command line; what a document puts in brackets may be there or not. */
function wordsOf(rest: string): string[] {
  const words =
    rest.replaceAll(/(^| )\[([^\]]*)\](?= |$)/g, "$1$2").match(/(?:<[^>]*>|'[^']*'|"[^"]*"|[^\s'"<>])+/g) ??
    [];
  return words.map((word) => word.replaceAll(/['"]/g, ""));
}

/** What a command understands, as its --help says it. */
export interface Usage {
  /** By flag: whether a value follows. */
  readonly flags: ReadonlyMap<string, boolean>;
  /** Most words that are no options. */
  readonly words: number;
}

/** Reads the help of a command. */
export function parseHelp(help: string): Usage {
  const flags = new Map<string, boolean>();
  for (const [, flag, value] of help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)(?: (<[^>]*>|\[[^\]]*\]))?/gm))
    flags.set(flag!, value !== undefined);
  // A subcommand's words belong to it: it has a help of its own.
  const usage = (/^Usage: [\w ]+ \[options\](.*)$/m.exec(help)?.[1] ?? "").replace(" [command]", "");
  return { flags, words: usage.trim() === "" ? 0 : usage.trim().split(/\s+/).length };
}

/** A command that was understood. */
export interface ParsedCommand {
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly words: readonly string[];
}

/** The options and words of a documented command, or what is wrong with it. */
export function parseDocumented(words: readonly string[], usage: Usage): ParsedCommand | string {
  const flags = new Map<string, string[]>();
  const plain: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!word.startsWith("-")) {
      plain.push(word);
      continue;
    }
    const takesValue = usage.flags.get(word);
    if (takesValue === undefined) return `there is no option ${word}`;
    const value = takesValue ? words[++i] : "";
    if (value === undefined) return `${word} has no value`;
    flags.set(word, [...(flags.get(word) ?? []), value]);
  }
  if (plain.length > usage.words) return `"${plain.at(-1)}" is one word too many`;
  return { flags, words: plain };
}
