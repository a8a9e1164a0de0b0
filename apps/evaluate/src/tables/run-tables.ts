import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  experimentNames,
  gridVariants,
  parseRunConfig,
  planExperiments,
  prepareData,
  rankGrid,
  readRunSettings,
  runExperiments,
  sampledTestRows,
  variantsOf,
  withDefaultFeatures,
  withRunSettings,
  type ExperimentName,
  type FinishedRun,
  type RunConfig,
  type Variant,
} from "@corella/alignment";
import { parseYaml, requireKept, withSetting } from "@corella/configuration";
import { CorellaError } from "@corella/errors";
import { formatCsv, renderPage, seedsWords } from "@corella/evaluation";
import { writeFileAtomic } from "@corella/files";
import { alignInWidth, listenForInterruption } from "@corella/terminal";
import type { Conclusion } from "../figures.ts";
import { builders, gridTable, modelRows } from "./build.ts";
import { concludedTables } from "./conclusion.ts";
import { evaluated, requireLabels, type Built } from "./inputs.ts";
import { createProgress, planLines } from "./progress.ts";

/** Options of `evaluate --table`. */
export interface TablesOptions {
  readonly table: ExperimentName | "all";
  readonly config: string;
  readonly set: readonly string[];
  readonly setGrid: readonly string[];
  readonly seeds: number;
  readonly models: readonly string[];
  readonly sizes?: readonly number[] | undefined;
  readonly shots?: readonly number[] | undefined;
  readonly rows?: number | undefined;
  /** Of the intervals. */
  readonly seed: number;
  readonly intervals: "users" | "rows";
  readonly out?: string | undefined;
  readonly runs: string;
  readonly cache: string;
  readonly experiments: string;
}

/** Trains what tables need and is not there yet, and writes the tables: to the terminal, and as files into a folder. */
export async function runTables(options: TablesOptions): Promise<void> {
  const grid = gridOf(options.setGrid);
  requireKept(options.set, Object.keys(grid));
  const progress = createProgress(process.stderr);
  const read = await readConfig(options, progress.note!);
  const where = {
    baseFolder: read.baseFolder,
    cacheFolder: resolve(options.cache),
    experimentsFolder: resolve(options.experiments),
    place: options.config,
    testRows: options.rows ?? read.config.testSamples,
  };
  const names = options.table === "all" ? allTables(read.config) : [options.table];
  for (const name of names) requireTable(name, read.config, options.config);

  const interruption = listenForInterruption(process.stderr);
  const { signal } = interruption;
  const trained = async (
    content: unknown,
    variants: readonly Variant[],
    seeds: number,
  ): Promise<FinishedRun[]> => {
    const planned = await planExperiments(content, variants, seeds, where);
    for (const line of planLines(planned)) progress.note!(line);
    return runExperiments(planned, where, { listener: progress, signal });
  };
  try {
    const chosen = await chosenOf(grid, (variants) => trained(read.content, variants, 1));
    const content = withRunSettings(read.content, chosen.settings);
    const config = parseRunConfig(content, options.config);
    const sizes = options.sizes ?? defaultSizes(config);
    const variants = names.flatMap((name) =>
      variantsOf(name, config, { models: options.models, sizes, shots: options.shots }),
    );
    const unique = variants.filter(({ id }, at) => variants.findIndex((other) => other.id === id) === at);
    const runs = await trained(content, unique, options.seeds);
    progress.stop();
    interruption.stop();
    const data = await prepareData(config, where.baseFolder, where.cacheFolder);
    const { log, split } = data;
    requireLabels(runs, log, options.config);
    const { train, validation, test } = split;
    const rows = sampledTestRows(log, test, where.testRows);
    const users = new Set(Array.from(rows, (row) => log.user[row]!)).size;
    const rowsNote =
      rows.length === test.length
        ? "All rows of the test part."
        : `${rows.length.toLocaleString("en")} of ${test.length.toLocaleString("en")} test rows: all those of ${users.toLocaleString("en")} users, drawn at random.`;
    const { seed, intervals } = options;
    const on = { runs, config, log, train, validation, rows, rowsNote, seed, intervals };
    const models = modelRows(on);
    const inputs = { ...on, models, evaluation: evaluated(on, models) };
    const built = [...chosen.built, ...names.map((name) => builders[name](inputs))];
    const conclusion = concludedTables(inputs, built, data, config, options.experiments);
    const out = options.out ?? join(options.runs, `evaluate-${config.name}`);
    await write(out, config, built, conclusion, options);
  } finally {
    progress.stop();
    interruption.stop();
  }
}

/** The best settings of a grid by the validation part, with a table of all of them; no settings of no grid. */
async function chosenOf(
  grid: Readonly<Record<string, unknown>>,
  trained: (variants: readonly Variant[]) => Promise<FinishedRun[]>,
): Promise<{ readonly settings: Variant["settings"]; readonly built: readonly Built[] }> {
  if (Object.keys(grid).length === 0) return { settings: {}, built: [] };
  const points = rankGrid(await trained(gridVariants(grid, "--set-grid")));
  return { settings: points[0]!.run.variant.settings, built: [{ tables: [gridTable(points)] }] };
}

/** The values by path: a path that comes again would take the place of the one before. */
function gridOf(settings: readonly string[]): Record<string, unknown> {
  const entries = settings.map(gridEntry);
  const paths = entries.map(([path]) => path);
  const twice = paths.find((path, index) => paths.indexOf(path) < index);
  if (twice === undefined) return Object.fromEntries(entries);
  throw new CorellaError({
    code: "evaluate/grid",
    message: `${twice} is given twice.`,
    place: "--set-grid",
    remedy: `Give all its values at once, like ${twice}=[…].`,
  });
}

/** `path=[1,2]`, or `path=1,2`. */
function gridEntry(setting: string): [string, unknown] {
  const [, path, values] = /^([^=\s]+)=(.*)$/s.exec(setting) ?? [];
  if (path === undefined) {
    throw new CorellaError({
      code: "evaluate/grid",
      message: `"${setting}" is not of the form path.to.key=value,value.`,
      place: "--set-grid",
      remedy: "Write it like stages.joint.samples=2000,8000.",
    });
  }
  return [path, parseYaml(/^\s*[[{]/.test(values!) ? values! : `[${values!}]`, "--set-grid")];
}

async function readConfig(
  { config: path, set, cache }: TablesOptions,
  note: (text: string) => void,
): Promise<{ content: unknown; config: RunConfig; baseFolder: string }> {
  const written = await readRunSettings(path, set);
  const baseFolder = dirname(resolve(path));
  const chosen = { config: parseRunConfig(written, path), baseFolder };
  const { config } = await withDefaultFeatures(chosen, cache, note);
  // Every run has the same default features.
  const content =
    chosen.config.features === config.features ? written : withSetting(written, "features", config.features);
  return { content, config, baseFolder };
}

/** A quarter of the samples of the last stage, and all. */
function defaultSizes({ stages }: RunConfig): number[] {
  const { samples } = stages.llmAlone;
  return [Math.max(1, Math.round(samples / 4)), samples];
}

/** Of one model alone there is table 1 and nothing else. */
function tablesOf({ recipe }: RunConfig): readonly ExperimentName[] {
  return recipe === "corella" ? experimentNames : ["1"];
}

/** `all` leaves out the parts: their runs are trained for nothing else, and single prompts may take ten times as long as dense ones. */
function allTables(config: RunConfig): readonly ExperimentName[] {
  return tablesOf(config).filter((name) => name !== "parts");
}

function requireTable(name: ExperimentName, config: RunConfig, place: string): void {
  if (tablesOf(config).includes(name)) return;
  throw new CorellaError({
    code: "evaluate/one-model",
    message: `This table compares two models, and the recipe ${config.recipe} trains one.`,
    place,
    remedy: "Set recipe=corella, or ask for table 1.",
  });
}

async function write(
  folder: string,
  config: RunConfig,
  built: readonly Built[],
  { verdict, warnings }: Conclusion,
  { seeds }: TablesOptions,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tables = built.flatMap((one) => one.tables);
  for (const table of tables) await writeFileAtomic(join(folder, `${table.name}.csv`), formatCsv(table));
  const all = {
    ...Object.fromEntries(tables.map(({ name, title, note, records }) => [name, { title, note, records }])),
    verdict,
    warnings,
  };
  await writeFileAtomic(join(folder, "results.json"), `${JSON.stringify(all, undefined, 1)}\n`);
  const groups = built.flatMap((one) => one.confidenceGroups ?? []);
  const drawn = groups.flatMap(({ models }) => models.map(({ name }) => name));
  const page = renderPage({
    title: `corella: ${config.name}, experiments`,
    subtitle: `${config.crm.model}, ${seeds === 1 ? "one seed" : `${seeds} seeds`} from ${config.seed}`,
    summary: [],
    verdict,
    warnings,
    models: [...new Set(["crm", ...drawn, "replace", "add-logits"])],
    tables: tables.map(({ title, note, columns, rows }) => ({
      heading: title,
      note,
      table: { columns, rows },
    })),
    confidenceGroups: groups,
    curves: built.flatMap((one) => one.curves ?? []),
    charts: [],
    glossary: seedsWords,
    details: [{ heading: "Configuration", text: JSON.stringify(config, undefined, 2) }],
  });
  await writeFileAtomic(join(folder, "report.html"), page);
  for (const { title, note, columns, rows } of tables)
    process.stdout.write(`\n${title}\n\n${alignInWidth({ columns, rows })}\n\n${note}\n`);
  const files = tables.map(({ name }) => `${name}.csv`);
  const lines = [
    "",
    ...(verdict === "" ? [] : [verdict]),
    `Figures: ${join(folder, "results.json")}, ${files.join(", ")}`,
    `Report: ${join(folder, "report.html")}`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
