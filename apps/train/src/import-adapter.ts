import { basename, dirname, join } from "node:path";
import { importAdapter, loadRunConfig, resolveConfig, type ImportOptions } from "@corella/alignment";
import { CorellaError } from "@corella/errors";
import { runMain } from "@corella/terminal";
import { Command } from "commander";
import { createProgress } from "./progress.ts";
import { openRunFolder } from "./run-folder.ts";
import { cacheOption, intervalsOption, price } from "./run-options.ts";
import { runTraining } from "./run-training.ts";

interface Options {
  readonly tuning: string;
  readonly adapter: string;
  readonly output: string;
  readonly crm?: string;
  readonly baseName?: string;
  readonly llmUrl?: string;
  readonly llmModel?: string;
  readonly llmKeyVariable?: string;
  readonly resume: boolean;
  readonly intervals: "users" | "rows";
  readonly hourlyPrice?: number;
  readonly cache: string;
}

const command = new Command("import-adapter")
  .description(
    "Checks an adapter that was tuned on the rows of `export-tuning`, and goes on as a run does after its last tuning: CRM, router, test figures, report and bundle.",
  )
  .requiredOption("--tuning <folder>", "what `export-tuning` wrote")
  .requiredOption(
    "--adapter <folder>",
    "adapter_config.json and adapter_model.safetensors, as PEFT writes them",
  )
  .requiredOption("--output <folder>", "of the run")
  .option(
    "--crm <folder>",
    "a run of the recipe corella whose CRM after stage 1 is taken; default: it is trained",
  )
  .option("--base-name <name>", "the base's name in adapter_config.json, where it is not that of the export")
  .option(
    "--llm-url <url>",
    "a server that has the base with this adapter and scores for it, up to and with /v1",
  )
  .option("--llm-model <name>", "the adapter's name on that server")
  .option("--llm-key-variable <name>", "environment variable that holds that server's API key")
  .option("--resume", "go on where this import was interrupted", false)
  .addOption(intervalsOption)
  .option("--hourly-price <money>", "of this machine: gives the money for 1,000 predictions", price)
  .addOption(cacheOption)
  .showHelpAfterError()
  .action(run);

async function run({ tuning, adapter, output, crm, baseName, ...options }: Options): Promise<void> {
  const remoteLlm = serverOf(options);
  const progress = createProgress(process.stderr);
  const name = basename(output);
  const exported = await loadRunConfig(join(tuning, "config.yaml"), [`name=${JSON.stringify(name)}`]);
  const resolved = await resolveConfig(exported, options.cache, progress.note);
  const opened = await openRunFolder({ name, runs: dirname(output), resume: options.resume }, resolved);
  await runTraining(opened, { ...options, progress }, (_, training) =>
    importAdapter(resolved.config, {
      ...training,
      tuningFolder: tuning,
      adapterFolder: adapter,
      crmRun: crm,
      baseName,
      remoteLlm,
    }),
  );
}

/** @throws CorellaError `import/bad-option` when only half is said */
function serverOf({
  llmUrl,
  llmModel,
  llmKeyVariable,
}: Omit<Options, "tuning" | "adapter" | "output">): ImportOptions["remoteLlm"] {
  if (llmUrl === undefined && llmModel === undefined) return undefined;
  if (llmUrl !== undefined && llmModel !== undefined)
    return { baseUrl: llmUrl, model: llmModel, apiKeyVariable: llmKeyVariable };
  throw new CorellaError({
    code: "import/bad-option",
    message: `${llmUrl === undefined ? "--llm-model" : "--llm-url"} stands alone.`,
    place: "--llm-url, --llm-model",
    remedy: "Give both for scores of a server, neither for those of this process.",
  });
}

await runMain(() => command.parseAsync(), {
  "adapter/base-name":
    "Use the adapter that was trained on these rows; if it is the same model under another name, give that with --base-name.",
  "train/interrupted": "Go on with --resume; the run will end as if it had not been interrupted.",
});
