import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { hashFile } from "@corella/files";
import {
  loadAdapter,
  loraParams,
  type DecoderConfig,
  type LoadedAdapter,
  type LoraConfig,
} from "@corella/llm";
import { adaptedModules } from "./export-tuning.ts";
import type { TuningRecord } from "./tuning-record.ts";

/** What an adapter that comes back is compared with. */
export interface ExpectedAdapter {
  /** Of the decoder that the configuration names. */
  readonly config: DecoderConfig;
  /** The adapter that the configuration describes. */
  readonly lora: LoraConfig;
  readonly record: TuningRecord;
  /** The base's name in adapter_config.json, where it was trained under another one than the export gave it. */
  readonly baseName?: string | undefined;
}

/**
 * Reads an adapter in PEFT's layout and refuses one that is not what was exported for: of another base, of other ranks, scales or modules, with more than
 * LoRA, untrained or broken.
 * @returns its values by the decoder's names
 * @throws CorellaError `adapter/base-name`, `adapter/kind`, `adapter/rank`, `adapter/alpha`, `adapter/modules`, `adapter/not-finite`, `adapter/untrained`, and
 * those of `loadAdapter`: `llm/adapter-config`, `llm/adapter-base`, `llm/adapter-empty`, `llm/tensor-type`
 */
export async function checkAdapter(folder: string, expected: ExpectedAdapter): Promise<Values> {
  const { config, lora, record, baseName } = expected;
  const loaded = await loadAdapter(folder, config);
  requireBaseName(await nameOfBase(folder), baseName ?? record.base.name, folder);
  requireSameLora(folder, config, loaded.lora, lora);
  requireTrained(folder, loaded);
  return loaded.values;
}

async function nameOfBase(folder: string): Promise<string | undefined> {
  const content = JSON.parse(await readFile(join(folder, "adapter_config.json"), "utf8")) as Record<
    string,
    unknown
  >;
  const name = content["base_model_name_or_path"];
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** Folders are copied to other machines: the last part of a path is what says which model it is. */
function requireBaseName(name: string | undefined, expected: string, folder: string): void {
  const last = (path: string): string => basename(resolve(path));
  if (name === undefined || last(name) === last(expected)) return;
  throw new CorellaError({
    code: "adapter/base-name",
    message: `The adapter says that its base is ${JSON.stringify(name)}, the rows were exported for ${JSON.stringify(expected)}.`,
    place: join(folder, "adapter_config.json"),
    remedy:
      "Use the adapter that was trained on these rows; if it is the same model under another name, say that name.",
  });
}

function requireSameLora(folder: string, config: DecoderConfig, found: LoraConfig, wanted: LoraConfig): void {
  const fail = (code: string, message: string): CorellaError =>
    new CorellaError({
      code,
      message,
      place: join(folder, "adapter_config.json"),
      remedy:
        "Train it with the trl.yaml of the export, or export with the settings (llm.lora) that it was trained with.",
    });
  if (found.dora === true || found.vocabulary !== undefined)
    throw fail(
      "adapter/kind",
      `The adapter has ${found.dora === true ? "DoRA" : "changes of embeddings or head"}, which is not what was exported for.`,
    );
  if ((found.rsLora === true) !== (wanted.rsLora === true))
    throw fail(
      "adapter/alpha",
      `The adapter is ${found.rsLora === true ? "" : "not "}scaled by the root of its rank (use_rslora), the configuration's is ${wanted.rsLora === true ? "" : "not "}so.`,
    );
  const [own, others] = [wanted, found].map((lora) => adaptedModules(Object.keys(loraParams(config, lora))));
  const missing = own!.filter((module) => !others!.includes(module));
  const more = others!.filter((module) => !own!.includes(module));
  if (missing.length + more.length > 0)
    throw fail(
      "adapter/modules",
      `The adapter changes other modules than the configuration: ${[
        ...(missing.length > 0 ? [`it lacks ${missing.length}, such as ${missing[0]}`] : []),
        ...(more.length > 0 ? [`it has ${more.length} more, such as ${more[0]}`] : []),
      ].join("; ")}.`,
    );
  for (const module of own!)
    for (const setting of ["rank", "alpha"] as const) {
      const [is, be] = [found, wanted].map((lora) => lora.modules?.[module]?.[setting] ?? lora[setting]);
      if (is !== be)
        throw fail(
          `adapter/${setting}`,
          `The adapter has ${setting} ${is} at ${module}, the configuration ${be}.`,
        );
    }
}

/** A lora_B begins as zeros: one that still is was not trained, or not gathered from the processes that did. */
function requireTrained(folder: string, { values }: LoadedAdapter): void {
  const place = join(folder, "adapter_model.safetensors");
  for (const [name, array] of Object.entries(values)) {
    if (array.every(Number.isFinite)) continue;
    throw new CorellaError({
      code: "adapter/not-finite",
      message: `${name} has numbers that are infinite or none.`,
      place,
      remedy: "The training diverged: train again with a smaller learning rate, or in bf16 in place of fp16.",
    });
  }
  const all = Object.keys(values).filter((name) => name.endsWith(".lora_B.weight"));
  const zero = all.filter((name) => values[name]!.every((value) => value === 0));
  if (zero.length === 0) return;
  throw new CorellaError({
    code: "adapter/untrained",
    message: `${zero.length} of ${all.length} matrices lora_B are all zero, such as ${zero[0]}: the adapter changes nothing there.`,
    place,
    remedy:
      "Train with plain data parallelism (accelerate's multi_gpu): other ways have saved adapters before they were gathered. A learning rate of 0 or no step at all does so too.",
  });
}

/**
 * Refuses rows that were changed since they were exported. Rows that are no longer there say nothing.
 * @throws CorellaError `adapter/rows`
 */
export async function requireSameRows(folder: string, { files }: TuningRecord): Promise<void> {
  for (const [name, { sha256 }] of Object.entries(files)) {
    const path = join(folder, "rows", name);
    if (!existsSync(path) || (await hashFile(path)).sha256 === sha256) continue;
    throw new CorellaError({
      code: "adapter/rows",
      message: "The rows are not those that were exported.",
      place: path,
      remedy: "Export again and train on what is written then.",
    });
  }
}
