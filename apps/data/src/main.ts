import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CorellaError, formatError } from "@corella/errors";
import { renderPage } from "@corella/evaluation";
import {
  checkInputs,
  defaultFeatures,
  describeDistributions,
  prepareLog,
  promptSettingsSchema,
  readFeatureVectors,
  splitLog,
  summarise,
} from "@corella/modality";
import { writeFileAtomic } from "@corella/files";
import { alignColumns } from "@corella/terminal";
import { Command } from "commander";
import { aloneTable, lookAtFeatures } from "./features.ts";
import { attributesTable, cardsOf, dataPage, partsTable, readingTable } from "./page.ts";
import { sampleOfParts, sampleTable } from "./sample.ts";
import { openSource, presetNames } from "./source.ts";

interface Options {
  readonly out?: string;
  readonly cache: string;
  readonly features: boolean;
  readonly config?: string;
  readonly set: readonly string[];
}

const command = new Command("data")
  .description("Reads a data set and says what is in it, on the terminal and as a page with pictures.")
  .argument("[source]", `${presetNames.join(", ")}, or a YAML configuration`)
  .argument("[path]", "of a preset: its zip or folder")
  .option("--config <file>", "a YAML configuration, in place of the source")
  .option(
    "--set <path.to.key=value>",
    "change a setting, as data.label.threshold=3; may be repeated",
    (setting: string, before: string[]) => [...before, setting],
    [],
  )
  .option("--out <file>", "the page; default: runs/data-<name>.html")
  .option("--cache <folder>", "where prepared data are kept and found again", ".cache/data")
  .option("--no-features", "do not look at what each feature says alone, which on large logs takes longest")
  .showHelpAfterError()
  .action(run);

async function run(name: string | undefined, path: string | undefined, options: Options): Promise<void> {
  const source = await openSource(sourceOf(name, options.config), path, options.set);
  const startedMs = performance.now();
  const { log, reused } = await prepareLog(source.config, {
    baseFolder: source.baseFolder,
    cacheFolder: options.cache,
  });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stderr.write(`${reused ? "Found prepared" : "Read and prepared"} in ${seconds} s\n`);
  const split = splitLog(log, source.config);
  const summary = summarise(log, split);
  const features = source.features ?? defaultFeatures(log);
  const found = [
    ...log.report.warnings,
    ...checkInputs(log, split.train, { ...(options.features && { features }), prompt: source.prompt }),
  ];
  const look = options.features
    ? lookAtFeatures(features, log, split, await readFeatureVectors(source.features ?? [], source.baseFolder))
    : undefined;
  const samples = sampleOfParts(
    log,
    split,
    look?.featureMap,
    source.prompt ?? promptSettingsSchema.parse({}),
  );
  const out = options.out ?? join("runs", `data-${source.name}.html`);
  await mkdir(dirname(out), { recursive: true });
  await writeFileAtomic(
    out,
    renderPage(dataPage(source.name, summary, describeDistributions(log, split), look, found, samples)),
  );
  const cards = cardsOf(summary).map(({ label, value }) => [label, value]);
  const tables = [{ columns: [], rows: cards }, partsTable(summary), readingTable(summary)];
  const attributes = attributesTable(summary);
  if (attributes !== undefined) tables.push(attributes);
  if (look !== undefined) tables.push(aloneTable(look));
  if (look !== undefined) tables.push(sampleTable(samples));
  tables.push({
    columns: ["a prompt of each part"],
    rows: samples.map(({ part, prompt }) => [`${part}: ${prompt}`]),
  });
  process.stdout.write(`${tables.map(alignColumns).join("\n\n")}\n\nPage: ${out}\n`);
  for (const { message, remedy } of [...found, ...(look?.warnings ?? [])])
    process.stderr.write(`warning: ${message} ${remedy}\n`);
}

function sourceOf(name: string | undefined, config: string | undefined): string {
  if (name !== undefined && config === undefined) return name;
  if (name === undefined && config !== undefined) return config;
  throw new CorellaError({
    code: "data/no-source",
    message: name === undefined ? "Which data?" : `Which data, ${name} or ${config}?`,
    place: "the first argument",
    remedy: `Name a YAML configuration or one of ${presetNames.join(", ")}.`,
  });
}

try {
  await command.parseAsync();
} catch (error) {
  process.stderr.write(`${formatError(error)}\n`);
  process.exitCode = 1;
}
