import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { writeFolderAtomic } from "@corella/files";
import {
  float32Tensor,
  readSafetensors,
  writeSafetensors,
  type SafetensorsFile,
  type TensorToWrite,
} from "@corella/safetensors";
import type { DecoderConfig } from "../config/decoder.ts";
import { readJson } from "../files/json-file.ts";
import { nameInModel, storedName } from "../config/stored-names.ts";
import { loraParams, requirePlainLora, type LoraConfig } from "./lora.ts";
import { parsePeftConfig } from "./peft-config.ts";
import { loraOf, peftTargets } from "./peft-targets.ts";
import { readTensors } from "../files/tensor-folder.ts";
import { vocabularyParams } from "./vocabulary.ts";

const prefix = "base_model.model.";

/**
 * An adapter as `loadAdapter` gives it: which modules it adapts, and its two matrices for each. With `lora.dora` or `lora.vocabulary`
 * it is for `mergeAdapter` and `mergedReader` alone.
 */
export interface LoadedAdapter {
  readonly lora: LoraConfig;
  /** `lora_A`, `lora_B` and what else there is, by the decoder's names. */
  readonly values: Values;
}

/**
 * Loads an adapter in PEFT's layout for a base model.
 * @throws CorellaError `llm/adapter-config`, `llm/adapter-base` for an adapter of another model, `llm/adapter-empty` for one that was
 * saved in parts, `llm/no-weights`, `llm/tensor-type`, `safetensors/…`
 */
export async function loadAdapter(folder: string, config: DecoderConfig): Promise<LoadedAdapter> {
  const configPath = join(folder, "adapter_config.json");
  const peft = parsePeftConfig(await readJson(configPath), configPath);
  const tensorsPath = join(folder, "adapter_model.safetensors");
  if (!existsSync(tensorsPath)) throw noTensors(folder);
  const file = await readSafetensors(tensorsPath);
  const published = storedName(config);
  const stored = (name: string): string => prefix + published(name, (other) => file.has(prefix + other));
  const has = (name: string): boolean => file.has(stored(name));
  const keyOf = (module: string): string => {
    const ends = [".lora_A.weight", ".lora_embedding_A", ".weight"];
    const end = ends.find((each) => has(module + each)) ?? ends[0]!;
    return stored(module + end).slice(prefix.length, -end.length);
  };
  /** PEFT writes what lies inside of a module as if it were the module's own. */
  const inFile = (name: string): string => {
    if (name.endsWith(".lora_magnitude_vector") && has(`${name}.weight`)) return stored(`${name}.weight`);
    const whole = name.replace(/\.(modules_to_save|base_layer)\.weight$/, ".weight");
    return stored(name.endsWith(".base_layer.weight") && has(name) ? name : whole);
  };
  try {
    refuseEmpty(file);
    const lora = loraOf(config, peft, configPath, { keyOf, has });
    const params = { ...loraParams(config, lora), ...vocabularyParams(config, lora) };
    const values = await readTensors([file], params, folder, inFile);
    refuseOthers(file, new Set(Object.keys(params).map(inFile)));
    return { lora, values };
  } catch (error) {
    throw asOtherBase(error, peft.base_model_name_or_path);
  } finally {
    await file.close();
  }
}

function noTensors(folder: string): CorellaError {
  const isOld = existsSync(join(folder, "adapter_model.bin"));
  return new CorellaError({
    code: "llm/no-weights",
    message: `The adapter has no adapter_model.safetensors${isOld ? ", but an adapter_model.bin, which is not read" : ""}.`,
    place: folder,
    remedy: isOld
      ? "Load it with PEFT and save it again: save_pretrained writes safetensors."
      : "Download the adapter again, or name its folder.",
  });
}

/** A process that holds a part of each weight writes tensors without numbers where the parts were not gathered first. */
function refuseEmpty(file: SafetensorsFile): void {
  const empty = file.names.filter((name) => file.info(name).shape.includes(0));
  if (empty.length === 0) return;
  throw new CorellaError({
    code: "llm/adapter-empty",
    message: `${empty.length} of the adapter's ${file.names.length} tensors have no numbers, such as ${empty[0]}.`,
    place: file.path,
    remedy:
      "Train with plain data parallelism: DeepSpeed's ZeRO-3 has saved adapters so, whose weights were spread over the processes.",
  });
}

/** Whatever else the file holds, PEFT would put into the model: biases, norms, modules that we do not adapt. */
function refuseOthers(file: SafetensorsFile, used: ReadonlySet<string>): void {
  const others = file.names.filter(
    (name) => !used.has(name) && !/vision_tower|multi_modal_projector/.test(name),
  );
  if (others.length === 0) return;
  throw new CorellaError({
    code: "llm/adapter-tensors",
    message: `The adapter also holds ${others.length} tensor${others.length === 1 ? "" : "s"} that would not be applied, such as ${others[0]}.`,
    place: file.path,
    remedy: "Use it with the model that it was trained on, or merge it with PEFT's merge_and_unload.",
  });
}

/** Tensors that are missing or of another shape are those of another model. */
function asOtherBase(error: unknown, baseModel: string | null | undefined): unknown {
  if (!CorellaError.isInstance(error)) return error;
  if (error.code !== "llm/missing-tensor" && error.code !== "llm/tensor-shape") return error;
  return new CorellaError({
    code: "llm/adapter-base",
    message: `The adapter does not fit the model: ${error.message}`,
    place: error.place,
    remedy: `Use it with the model that it was trained on${baseModel ? `, which it names ${baseModel}` : ""}.`,
    cause: error,
  });
}

/** What `saveAdapter` writes. */
export interface AdapterToSave {
  readonly config: DecoderConfig;
  readonly lora: LoraConfig;
  /** May hold other arrays too; only the adapter's are written. */
  readonly values: Values;
  /** What PEFT calls `base_model_name_or_path`. */
  readonly baseModel?: string;
}

/**
 * Writes a folder with an adapter that PEFT, and `loadAdapter`, can load: its names are those of the checkpoint that `config`
 * was loaded from.
 * @throws CorellaError `llm/missing-tensor` where the values lack a part of the adapter, `llm/adapter-merge` for one that is only
 * ever merged
 */
export async function saveAdapter(folder: string, adapter: AdapterToSave): Promise<void> {
  const { config, lora, values } = adapter;
  requirePlainLora(lora, folder);
  const tensors: Record<string, TensorToWrite> = {};
  for (const [name, { shape }] of Object.entries(loraParams(config, lora))) {
    const array = values[name];
    if (array === undefined) {
      throw new CorellaError({
        code: "llm/missing-tensor",
        message: `The values lack ${name}.`,
        place: name,
        remedy: "Save the values of a decoder with this adapter.",
      });
    }
    tensors[prefix + nameInModel(config, name)] = float32Tensor(shape, array);
  }
  const description = {
    base_model_name_or_path: adapter.baseModel ?? null,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout ?? 0,
    modules_to_save: null,
    peft_type: "LORA",
    r: lora.rank,
    ...peftTargets(config, lora),
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: lora.rsLora === true,
  };
  await mkdir(join(folder, ".."), { recursive: true });
  await writeFolderAtomic(folder, async (temporary) => {
    await writeFile(join(temporary, "adapter_config.json"), `${JSON.stringify(description, null, 2)}\n`);
    await writeSafetensors(join(temporary, "adapter_model.safetensors"), tensors, { format: "pt" });
  });
}
