import { runUnits } from "@corella/jobs";
import { runMain } from "@corella/terminal";
import { Command, InvalidArgumentError, Option } from "commander";
import { schedulers, type TuneCommandOptions } from "./options.ts";

const command = new Command("tune")
  .description(
    "Trains the CRM stage of a configuration, or the whole of its recipe, with other settings, judged on the validation part; then the best with several seeds, scored on the test part once. Without a search file: that configuration with several seeds.",
  )
  .enablePositionalOptions()
  .argument("[search]", "YAML file: config, search (values or ranges by setting), trials, seeds, stopping")
  .option("--config <file>", "the run's configuration; default: what the search file names")
  .option(
    "--set <path.to.key=value>",
    "change a setting of the configuration; may be repeated",
    (value, all: string[]) => [...all, value],
    [],
  )
  .option("--seeds <count>", "seeds of the best configuration; default: the search file's, or 5", count)
  .addOption(
    new Option(
      "--scheduler <name>",
      "median: stops trials below the median; asha: pauses trials in rungs, and the best of each go on; none; default: `stopping` of the search file, and with --workers, where that says nothing, asha",
    ).choices(schedulers),
  )
  .option(
    "--parallel <count>",
    "trials at once, each in a process with one thread; default: 1, or as many as the workers take",
    count,
  )
  .option(
    "--workers <url>",
    "puts trials and seeds on the queue of a Redis server (redis://host:6379/0), for `pnpm worker`; --trials, --cache and the data are on storage that all share",
  )
  .option("--queue <name>", "the queue's name, as `pnpm worker` has it; default: corella")
  .option(
    "--threads <count>",
    "of each process; default: the configuration's, or 1 with --parallel or --workers",
    count,
  )
  .option(
    "--out <folder>",
    "gets results.jsonl, report.html, best.yaml and crm/; default: runs/tune-<name>-<model>",
  )
  .option("--trials <folder>", "where trials are kept and found again", ".cache/trials")
  .option("--cache <folder>", "where prepared data are kept and found again", ".cache/data")
  .showHelpAfterError()
  // Loaded when asked for: a unit of work starts often, and draws nothing.
  .action(async (search: string | undefined, options: TuneCommandOptions) =>
    (await import("./search-command.ts")).searchCommand(search, options),
  );

command
  .command("trial")
  .description(
    "One unit of a search: a trial from its checkpoint to the end of a rung. Attempted again, it ends in the same result. `tune` writes the specs, and workers call this.",
  )
  .requiredOption("--spec <file>", "what is to be trained")
  .showHelpAfterError()
  .action(async (options: { readonly spec: string }) =>
    (await import("./trial-command.ts")).trialCommand(options),
  );

function count(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It is a positive whole number.");
}

await runUnits(process.argv.slice(2), (words) =>
  runMain(() => command.parseAsync(words, { from: "user" }), {
    "train/interrupted":
      "The same command goes on: trials that have ended are kept, and the others go on where they were.",
  }),
);
