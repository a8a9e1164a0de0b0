import { existsSync } from "node:fs";
import { cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { writeFolderAtomic } from "@corella/files";
import type { PretrainedConfig, RunConfig } from "../config/config.ts";
import { changedSetting } from "../config/changed-setting.ts";
import { loadRunConfig, type LoadedConfig } from "../config/load-config.ts";
import { prepareData } from "../data.ts";
import { dataKey, dataKeyFile } from "../data-key.ts";
import { designOf, folderOf } from "../llm/base-llm.ts";
import { loraOf } from "../llm/lora-of.ts";
import type { ResolvedConfig } from "../run.ts";
import { train, type TrainingOptions, type TrainingResult } from "../train.ts";
import { checkAdapter, requireSameRows } from "./check-adapter.ts";
import { hashOfBase, hashOfText, readRecord } from "./tuning-record.ts";

/** What comes back, and where the run that goes on with it reads and writes. */
export interface ImportOptions extends Omit<TrainingOptions, "adapter" | "cacheFolder"> {
  /** What `exportTuning` wrote. */
  readonly tuningFolder: string;
  /** The adapter in PEFT's layout. */
  readonly adapterFolder: string;
  readonly cacheFolder: string;
  /** A run of the recipe corella whose CRM after stage 1 is taken; without it that stage is trained. */
  readonly crmRun?: string | undefined;
  /** The base's name in adapter_config.json, where it was trained under another one than the export gave it. */
  readonly baseName?: string | undefined;
}

/**
 * Checks an adapter that was tuned elsewhere on the rows of an export, and goes on as its recipe does after its last tuning: CRM, probabilities of
 * validation and test part, router, bundle.
 * @param config of the export, resolved
 * @throws CorellaError before the first phase `adapter/record`, `adapter/data`, `adapter/tokenizer`, `adapter/base`, `adapter/rows`, `adapter/crm-run` and those of
 * `checkAdapter`; then those of `train`
 */
export async function importAdapter(config: ResolvedConfig, options: ImportOptions): Promise<TrainingResult> {
  const { tuningFolder, adapterFolder, crmRun, baseName, ...training } = options;
  const { baseFolder, cacheFolder, listener = {}, runFolder } = options;
  const record = await readRecord(tuningFolder);
  listener.note?.("Checking what comes back");
  const same = (code: string, what: string, is: string, was: string, remedy: string): void => {
    if (is === was) return;
    const message = `${what} is not the one that rows were exported of.`;
    throw new CorellaError({ code, message, place: tuningFolder, remedy });
  };
  const again =
    "Name the files that the rows were made of, or export again and train on what is written then.";
  const data = await dataKey({ data: config.data }, { baseFolder, cacheFolder });
  same("adapter/data", "The data", data, record.data, again);
  const alone = { ...config, recipe: "llm-only" } as const;
  const design = await designOf({
    config,
    baseFolder,
    data: await prepareData(alone, baseFolder, cacheFolder),
    listener,
  });
  same(
    "adapter/tokenizer",
    "The tokenizer",
    hashOfText(design.tokenizer.json),
    record.tokenizer.sha256,
    again,
  );
  const source = folderOf(config.llm.base as PretrainedConfig, baseFolder);
  same("adapter/base", "The base model", await hashOfBase(source), record.base.sha256, again);
  await requireSameRows(tuningFolder, record);
  const lora = loraOf(config.llm.lora, design.config);
  const adapter = await checkAdapter(adapterFolder, { config: design.config, lora, record, baseName });
  if (crmRun !== undefined) await takeCrm(crmRun, { config, baseFolder }, { cacheFolder, runFolder });
  // No other stage has to tune what was tuned.
  const skip = [...new Set([...(config.stages.skip ?? []), "joint" as const, "llmAlone" as const])];
  return train({ ...config, stages: { ...config.stages, skip } }, { ...training, adapter });
}

/** The first stage's name as `corella` gives it. */
const crmStage = "stage-1";

/** A configuration as far as the CRM's first stage depends on it. */
function ofCrm({ config, baseFolder }: LoadedConfig): LoadedConfig {
  const { seed, data, features, crm, stages, routing } = config;
  const warmUp = stages.skip?.includes("warmUp") === true ? undefined : stages.warmUp;
  const part = { seed, data, features, crm, stages: { warmUp }, routing: { heldOut: routing.heldOut } };
  return {
    config: { ...part, llm: { base: {} }, textTower: {}, t5: {} } as unknown as RunConfig,
    baseFolder,
  };
}

/** Copies the checkpoint of a run's first stage to another run, which then takes it for its own. @throws CorellaError `adapter/crm-run` */
async function takeCrm(
  from: string,
  loaded: LoadedConfig,
  { cacheFolder, runFolder }: Pick<ImportOptions, "cacheFolder" | "runFolder">,
): Promise<void> {
  const fail = (message: string, remedy: string): CorellaError =>
    new CorellaError({ code: "adapter/crm-run", message, place: from, remedy });
  const checkpoint = join(from, "checkpoints", crmStage);
  const configPath = join(from, "config.yaml");
  const { recipe } = loaded.config;
  if (recipe !== "corella") throw fail(`The recipe ${recipe} has no CRM.`, "Name no run to take one from.");
  if (!existsSync(checkpoint) || !existsSync(configPath))
    throw fail(
      "The folder has no CRM of the recipe corella after its first stage.",
      "Name the folder of a run of that recipe, or none: then a CRM is trained.",
    );
  const changed = changedSetting(ofCrm(await loadRunConfig(configPath)), ofCrm(loaded));
  if (changed !== undefined)
    throw fail(
      `The run's CRM was trained with another ${changed}.`,
      "Export with the settings of that run, or name none: then a CRM is trained.",
    );
  const { config, baseFolder } = loaded;
  const key = await dataKey(config, { baseFolder, cacheFolder });
  // Runs of before tell nothing of their data.
  const itsKey = await readFile(join(from, dataKeyFile), "utf8").catch(() => key);
  if (itsKey !== key)
    throw fail(
      "The run's CRM was trained when the files of the data held something else.",
      "Name a run on the same data, or none: then a CRM is trained.",
    );
  const checkpoints = join(runFolder, "checkpoints");
  await mkdir(checkpoints, { recursive: true });
  await writeFolderAtomic(join(checkpoints, crmStage), (temporary) =>
    cp(checkpoint, temporary, { recursive: true }),
  );
}
