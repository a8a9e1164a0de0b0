import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { loadRunConfig, parseSearch } from "@corella/alignment";
import { readYaml } from "@corella/configuration";
import { expect, test } from "vitest";
import {
  commandNames,
  commandsOf,
  documentedCommands,
  parseDocumented,
  parseHelp,
  programs,
  subcommands,
  type CommandName,
  type Usage,
} from "./documented-commands.ts";

const repository = join(import.meta.dirname, "../../..");
const run = promisify(execFile);

/** Runs a command of the project in a folder. */
async function corella(name: CommandName, words: readonly string[], cwd: string): Promise<string> {
  const bundle = join(process.env["CORELLA_BUNDLED_COMMANDS"] ?? "", `${name}.js`);
  return existsSync(bundle) ? output([bundle, ...words], cwd) : fromSources(name, words, cwd);
}

/** Runs it as pnpm does. */
function fromSources(name: CommandName, words: readonly string[], cwd: string): Promise<string> {
  const [folder, program] = programs[name] ?? [`apps/${name}`, "main.ts"];
  const main = join(repository, folder, "src", program);
  return output(["--conditions=source", "--import", import.meta.resolve("tsx"), main, ...words], cwd);
}

async function output(words: readonly string[], cwd: string): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, words, { cwd });
  return `${stderr}\n${stdout}`;
}

const helps = await Promise.all(
  commandNames.map(async (name) => [name, parseHelp(await corella(name, ["--help"], repository))] as const),
);
const usages: Readonly<Record<CommandName, Usage>> = Object.fromEntries(helps) as never;
const subUsages = await Promise.all(
  commandNames.flatMap((name) =>
    (subcommands[name] ?? []).map(async (words) => {
      const usage = parseHelp(await corella(name, [...words, "--help"], repository));
      return { name, words, usage };
    }),
  ),
);
const commands = documentedCommands(repository);

/** What understands a command, and the words that are left for it. */
function understoodBy(name: CommandName, words: readonly string[]): [words: readonly string[], usage: Usage] {
  const sub = subUsages.find(
    (each) => each.name === name && each.words.every((word, i) => words[i] === word),
  );
  return sub === undefined ? [words, usages[name]] : [words.slice(sub.words.length), sub.usage];
}

/** The configuration that a document shows for a user's own data. */
const own = /```yaml\n(# my\.yaml\n[\s\S]*?)```/.exec(
  readFileSync(join(repository, "docs/bring-your-data.md"), "utf8"),
)![1]!;

/** A folder with that configuration and a tiny log as it names it. */
async function standIn(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "corella-documented-"));
  const ratings = Array.from({ length: 400 }, (_, row) => {
    const [user, item] = [(row * 7) % 19, (row * 5 + (row % 7)) % 23];
    return `u${user},i${item},${(user + item) % 2 === 0 ? 5 : 2},${1_600_000_000 + row * 86_400}`;
  });
  const items = Array.from(
    { length: 23 },
    (_, item) => `i${item},Film ${item},${item % 2 ? "Drama" : "Comedy|Crime"}`,
  );
  await writeFile(join(folder, "ratings.csv"), ["user,item,rating,time", ...ratings].join("\n"));
  await writeFile(join(folder, "items.csv"), ["item,title,genres", ...items].join("\n"));
  await writeFile(join(folder, "my.yaml"), own);
  await writeFile(join(folder, "preset.yaml"), "data: { preset: ml-1m }\n");
  return folder;
}

/** A file of the repository, or what stands in for one that a reader is to bring: of a preset where its path is set. */
function fileOf(path: string, sets: readonly string[], folder: string): string {
  const there = [path, join("configs", path)].find((each) => existsSync(join(repository, each)));
  return there === undefined
    ? join(folder, sets.some((set) => set.startsWith("data.path=")) ? "preset.yaml" : "my.yaml")
    : join(repository, there);
}

test("a document's commands are found in shell blocks and in its text, and their options are checked", () => {
  const text = [
    "Try `pnpm data my.yaml` or `pnpm trainer`.",
    "```sh",
    "npx --yes pnpm@12 train --set 'a.b=[1, 2]' \\",
    "  --resume # again",
    "pnpm evaluate --rows 5 && pnpm serve",
    "```",
    "```yaml",
    "pnpm: serve",
    "```",
    "`pnpm tune --config <file> [--set …]`",
  ].join("\n");
  const found = commandsOf(text, "x.md");
  expect(found.map(({ place, name, words }) => [place, name, words.join(" ")])).toEqual([
    ["x.md:1", "data", "my.yaml"],
    ["x.md:4", "train", "--set a.b=[1, 2] --resume"],
    ["x.md:5", "evaluate", "--rows 5"],
    ["x.md:5", "serve", ""],
    ["x.md:10", "tune", "--config <file> --set …"],
  ]);
  const usage = parseHelp(
    "Usage: x [options] <source> [path]\n\nOptions:\n  --rows <count>  so many\n  -h, --help   help\n",
  );
  expect(parseDocumented(["a", "--rows", "3"], usage)).toEqual({
    flags: new Map([["--rows", ["3"]]]),
    words: ["a"],
  });
  expect(parseDocumented(["--rwos", "3"], usage)).toBe("there is no option --rwos");
  expect(parseDocumented(["--rows"], usage)).toBe("--rows has no value");
  expect(parseDocumented(["a", "b", "c"], usage)).toBe('"c" is one word too many');
});

test("every documented command has options that there are, and settings that there are", async () => {
  const folder = await standIn();
  const wrong: string[] = [];
  for (const { place, name, words } of commands) {
    const parsed = parseDocumented(...understoodBy(name, words));
    if (typeof parsed === "string") {
      wrong.push(`${place}: ${parsed}`);
      continue;
    }
    if (name !== "train" && name !== "tune" && name !== "export-tuning") continue;
    const sets = (parsed.flags.get("--set") ?? []).filter((set) => !/[<…]/.test(set));
    const [search] = parsed.words;
    const byOption =
      parsed.flags.get("--config")?.[0] ?? (search === undefined ? "configs/movietweetings.yaml" : undefined);
    try {
      if (search !== undefined && existsSync(join(repository, search))) {
        const said = await readYaml(join(repository, search));
        const { stopping } = parseSearch(said, search);
        const isMedian = typeof stopping === "object" && "afterTrials" in stopping;
        if (
          parsed.flags.has("--workers") &&
          !parsed.flags.has("--scheduler") &&
          isMedian &&
          Object.hasOwn(said as object, "stopping")
        )
          wrong.push(`${place}: the median rule of ${search} is refused on workers`);
      }
      await loadRunConfig(fileOf(byOption ?? "my.yaml", sets, folder), sets);
    } catch (error) {
      wrong.push(`${place}: ${String(error)}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(new Set(commands.map(({ name }) => name))).toEqual(new Set(commandNames));
});

test("every option and setting that a text names alone is one of a command", async () => {
  const known = new Set(
    [...Object.values(usages), ...subUsages.map(({ usage }) => usage)].flatMap(({ flags }) => [
      ...flags.keys(),
    ]),
  );
  const files = [
    "README.md",
    "docs/commands.md",
    "docs/configuration.md",
    ...(await readdir(join(repository, "apps"))).map((app) => `apps/${app}/README.md`),
  ];
  const wrong: string[] = [];
  for (const file of files.filter((each) => existsSync(join(repository, each)))) {
    const text = readFileSync(join(repository, file), "utf8").replaceAll(/```[\s\S]*?```/g, "");
    for (const [, code] of text.matchAll(/`(--[^`]+)`/g)) {
      for (const [flag] of code!.matchAll(/(?<=^| )--[\w-]+/g))
        if (!known.has(flag)) wrong.push(`${file}: ${flag}`);
      const sets = [...code!.matchAll(/--set (\S+=\S+)/g)]
        .map(([, set]) => set!)
        .filter((set) => !set.startsWith("path.to"));
      const failed = await loadRunConfig(join(repository, "configs/movietweetings.yaml"), sets).catch(String);
      if (typeof failed === "string") wrong.push(`${file}: ${code!}: ${failed}`);
    }
  }
  expect(wrong).toEqual([]);
});

test(
  "the documented configuration for one's own data goes from start to report",
  { timeout: 300_000 },
  async () => {
    const folder = await standIn();
    const small = [
      "llm.base={hiddenSize: 16, layers: 3, heads: 2, keyValueHeads: 1, vocabularySize: 400, pretraining: {steps: 2}}",
      "stages={warmUp: {epochs: 1}, joint: {samples: 32}, llmAlone: {samples: 32}}",
    ].flatMap((set) => ["--set", set]);
    const training = ["--config", "my.yaml", ...small];
    expect(await corella("data", ["my.yaml"], folder)).toContain("400");
    expect(await corella("train", [...training, "--dry-run"], folder)).toMatch(
      /All together, at most +\d+:\d\d/,
    );
    expect(existsSync(join(folder, "runs/mine"))).toBe(false);
    expect(await fromSources("train", training, folder)).toContain("Report: runs/mine/report.html");
    expect(readFileSync(join(folder, "runs/mine/config.yaml"), "utf8")).toMatch(
      /recipe: corella[\s\S]*maxTokens: \d+/,
    );
    expect(await corella("evaluate", ["--rows", "20"], folder)).toContain("prompts looked at are cut");
  },
);
