import { mkdir } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import {
  configForFolder,
  parseRunConfig,
  parseSearch,
  rank,
  saveTrial,
  tune,
  type SearchConfig,
  type TriedConfig,
  type TuneListener,
  readRunSettings,
  withDefaultFeatures,
} from "@corella/alignment";
import { readYaml } from "@corella/configuration";
import { CorellaError } from "@corella/errors";
import { renderPage } from "@corella/evaluation";
import { writeFileAtomic } from "@corella/files";
import { alignInWidth, listenForInterruption, runMain } from "@corella/terminal";
import { Command, InvalidArgumentError } from "commander";
import { besideOf } from "./beside.ts";
import { tunePage } from "./page.ts";
import { createProcesses } from "./processes.ts";
import { createProgress } from "./progress.ts";
import { resultLines } from "./result-lines.ts";
import { seedsTable, trialsTable } from "./text.ts";

interface Options {
  readonly config?: string;
  readonly set: string[];
  readonly seeds?: number;
  readonly parallel: number;
  readonly threads?: number;
  readonly out?: string;
  readonly trials: string;
  readonly cache: string;
}

const command = new Command("tune")
  .description(
    "Trains the CRM stage of a configuration with other settings, judged on the validation part; then the best with several seeds, scored on the test part once. Without a search file: that configuration with several seeds.",
  )
  .argument("[search]", "YAML file: config, search (values or ranges by setting), trials, seeds")
  .option("--config <file>", "the run's configuration; default: what the search file names")
  .option(
    "--set <path.to.key=value>",
    "change a setting of the configuration; may be repeated",
    (value, all: string[]) => [...all, value],
    [],
  )
  .option("--seeds <count>", "seeds of the best configuration; default: the search file's, or 5", count)
  .option("--parallel <count>", "trials at once, each in a process with one thread", count, 1)
  .option("--threads <count>", "of each process; default: the configuration's, or 1 with --parallel", count)
  .option("--out <folder>", "gets results.jsonl, report.html, best.yaml and crm/; default: runs/tune-<name>")
  .option("--trials <folder>", "where trials are kept and found again", ".cache/trials")
  .option("--cache <folder>", "where prepared data are kept and found again", ".cache/data")
  .showHelpAfterError()
  .action(run);

function count(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It is a positive whole number.");
}

async function run(searchPath: string | undefined, options: Options): Promise<void> {
  const { search, configPath } = await readSearch(searchPath, options);
  const written = await readRunSettings(configPath, options.set);
  const baseFolder = dirname(resolve(configPath));
  const chosen = { config: parseRunConfig(written, configPath), baseFolder };
  const { config } = await withDefaultFeatures(chosen, options.cache, (text) =>
    process.stderr.write(`${text}\n`),
  );
  // Every trial has the same default features.
  const content =
    chosen.config.features === config.features
      ? written
      : { ...(written as object), features: config.features };
  const out = options.out ?? join("runs", `tune-${config.name}-${config.crm.model}`);
  await mkdir(out, { recursive: true });

  const interruption = listenForInterruption(process.stderr);
  const progress = createProgress(process.stderr);
  const processes = createProcesses({
    baseFolder,
    cacheFolder: resolve(options.cache),
    threads: options.threads ?? (options.parallel > 1 ? 1 : undefined),
  });
  try {
    const result = await tune(content, search, {
      baseFolder,
      cacheFolder: resolve(options.cache),
      trialsFolder: resolve(options.trials),
      place: configPath,
      parallel: options.parallel,
      execute: processes.execute,
      listener: withResults(progress, join(out, "results.jsonl")),
      signal: interruption.signal,
    });
    progress.stop();
    interruption.stop();
    const best = configForFolder({ config: result.best.config, baseFolder }, out);
    await writeFileAtomic(join(out, "best.yaml"), best);
    await saveTrial(rank(result.seeds)[0]!, join(out, "crm"), {
      baseFolder,
      cacheFolder: resolve(options.cache),
    });
    const beside = await besideOf(result, { baseFolder, cacheFolder: resolve(options.cache) });
    await writeFileAtomic(join(out, "report.html"), renderPage(tunePage(config.name, result, beside, best)));
    const tables = [
      ...(result.trials.length > 1 ? [trialsTable(result.trials)] : []),
      seedsTable(result, beside.simple),
    ];
    const texts = tables.map((table) => alignInWidth(table));
    process.stdout.write(`\n${texts.join("\n\n")}\n\n`);
    if (beside.verdict !== "") process.stdout.write(`${beside.verdict}\n`);
    for (const [what, file] of [
      ["Results", "results.jsonl"],
      ["Report", "report.html"],
      ["Best configuration", "best.yaml"],
      ["CRM of its best seed", "crm"],
    ])
      process.stdout.write(`${what}: ${join(out, file!)}\n`);
    for (const warning of beside.warnings) process.stdout.write(`warning: ${warning}\n`);
  } finally {
    progress.stop();
    processes.stop();
    interruption.stop();
  }
}

/** @throws CorellaError `tune/no-config`, and those of `readYaml` and `parseSearch` */
async function readSearch(
  path: string | undefined,
  options: Options,
): Promise<{ search: SearchConfig; configPath: string }> {
  const content = path === undefined ? {} : await readYaml(path);
  const parsed = parseSearch(content ?? {}, path ?? "the command line");
  const search = options.seeds === undefined ? parsed : { ...parsed, seeds: options.seeds };
  if (options.config !== undefined) return { search, configPath: options.config };
  if (path !== undefined && search.config !== undefined)
    return {
      search,
      configPath: isAbsolute(search.config) ? search.config : join(dirname(path), search.config),
    };
  throw new CorellaError({
    code: "tune/no-config",
    message: "There is no configuration to train.",
    place: path ?? "the command line",
    remedy: "Name one with --config, or as `config` in the search file.",
  });
}

/** Writes the lines of results anew after each trial, so that what there is can be read at any time. */
function withResults(progress: TuneListener, path: string): TuneListener {
  const parts: { search: readonly TriedConfig[]; seeds: readonly TriedConfig[] } = { search: [], seeds: [] };
  let part: "search" | "seeds" = "search";
  let writing: Promise<void> = Promise.resolve();
  return {
    ...progress,
    planned(name, trials) {
      part = name;
      progress.planned?.(name, trials);
    },
    async ended(trial, tried, all) {
      await progress.ended?.(trial, tried, all);
      parts[part] = all;
      writing = writing.then(() => writeFileAtomic(path, resultLines(parts.search, parts.seeds)));
      await writing;
    },
  };
}

await runMain(() => command.parseAsync(), {
  "train/interrupted":
    "The same command goes on: trials that have ended are kept, and the others go on where they were.",
});
