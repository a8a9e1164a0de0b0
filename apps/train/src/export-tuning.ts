import { exportTuning, loadRunConfig } from "@corella/alignment";
import { listenForInterruption, runMain } from "@corella/terminal";
import { Command, InvalidArgumentError, Option } from "commander";
import { createProgress } from "./progress.ts";
import { cacheOption } from "./run-options.ts";

interface Options {
  readonly config: string;
  readonly set: string[];
  readonly output: string;
  readonly processes: number;
  readonly precision: "bf16" | "fp32";
  readonly cache: string;
}

const command = new Command("export-tuning")
  .description(
    "Writes what tunes the language model of a configuration as token ids and labels, with the configuration for TRL, so that it can be tuned on other machines; `import-adapter` takes what comes back.",
  )
  .requiredOption("--config <file>", "configuration of a run with a pre-trained language model")
  .option(
    "--set <path.to.key=value>",
    "change a setting; may be repeated",
    (value, all: string[]) => [...all, value],
    [],
  )
  .requiredOption(
    "--output <folder>",
    "is made: rows/, trl.yaml, config.yaml, corella.json; training adds adapter/",
  )
  .option("--processes <count>", "processes that share an update, which trl.yaml is written for", count, 1)
  .addOption(
    new Option("--precision <type>", "numbers that are computed with: bf16 on GPUs, fp32 elsewhere")
      .choices(["bf16", "fp32"])
      .default("bf16"),
  )
  .addOption(cacheOption)
  .showHelpAfterError()
  .action(run);

function count(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It is a positive whole number.");
}

async function run({ config, set, output, cache, processes, precision }: Options): Promise<void> {
  const progress = createProgress(process.stderr);
  const interruption = listenForInterruption(process.stderr);
  try {
    const { files, base } = await exportTuning(await loadRunConfig(config, set), {
      folder: output,
      cacheFolder: cache,
      processes,
      precision,
      listener: progress,
      signal: interruption.signal,
    });
    const many = processes > 1 ? ` --accelerate_config multi_gpu --num_processes ${processes}` : "";
    const lines = Object.entries(files).map(
      ([name, { rows, answers, tokens, longest }]) =>
        `${name}: ${rows} rows, ${answers} answers, ${tokens} tokens, the longest row ${longest}`,
    );
    process.stdout.write(
      `${[
        ...lines,
        `Base: ${base.name}, as seen from ${output}`,
        `Train: cd ${output} && trl sft --config trl.yaml${many}`,
        `Then: pnpm import-adapter --tuning ${output} --adapter ${output}/adapter --output runs/<name>`,
      ].join("\n")}\n`,
    );
  } finally {
    progress.stop();
    interruption.stop();
  }
}

await runMain(() => command.parseAsync());
