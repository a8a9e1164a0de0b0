import { dryRun, loadRunConfig, resolveConfig, train } from "@corella/alignment";
import { runMain } from "@corella/terminal";
import { Command } from "commander";
import { dryRunTable } from "./dry-run.ts";
import { createProgress } from "./progress.ts";
import { openRunFolder } from "./run-folder.ts";
import { cacheOption, intervalsOption, price } from "./run-options.ts";
import { runTraining } from "./run-training.ts";

interface Options {
  readonly config: string;
  readonly set: string[];
  readonly name?: string;
  readonly resume: boolean;
  readonly dryRun: boolean;
  readonly intervals: "users" | "rows";
  readonly hourlyPrice?: number;
  readonly runs: string;
  readonly cache: string;
}

const command = new Command("train")
  .description(
    "From an interaction log to a bundle of CRM, tuned LLM and router (or of one model, by `recipe`), with test figures and a report.",
  )
  .option("--config <file>", "configuration", "configs/movietweetings.yaml")
  .option(
    "--set <path.to.key=value>",
    "change a setting; may be repeated",
    (value, all: string[]) => [...all, value],
    [],
  )
  .option(
    "--name <name>",
    "folder under --runs; default: the configuration's name, numbered when it is taken",
  )
  .option(
    "--resume",
    "go on with the run of this name where it was interrupted, with the same configuration",
    false,
  )
  .addOption(intervalsOption)
  .option(
    "--dry-run",
    "say how long it will take and how much memory, from a few steps of each part, and train nothing",
    false,
  )
  .option("--hourly-price <money>", "of this machine: gives the money for 1,000 predictions", price)
  .option("--runs <folder>", "where runs are kept", "runs")
  .addOption(cacheOption)
  .showHelpAfterError()
  .action(run);

async function run(options: Options): Promise<void> {
  const progress = createProgress(process.stderr);
  const chosen = await loadRunConfig(options.config, [
    ...options.set,
    ...(options.name === undefined ? [] : [`name=${JSON.stringify(options.name)}`]),
  ]);
  if (options.dryRun) {
    const measured = await dryRun(chosen.config, {
      baseFolder: chosen.baseFolder,
      cacheFolder: options.cache,
      listener: progress,
    });
    process.stdout.write(`\n${dryRunTable(measured)}\n`);
    return;
  }
  const opened = await openRunFolder(options, await resolveConfig(chosen, options.cache, progress.note));
  await runTraining(opened, { ...options, progress }, train);
}

await runMain(() => command.parseAsync(), {
  "train/interrupted": "Go on with --resume; the run will end as if it had not been interrupted.",
});
