import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Values } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import {
  float32Tensor,
  readSafetensors,
  writeFolderAtomic,
  writeSafetensors,
  type TensorToWrite,
} from "@corella/safetensors";
import { z } from "zod";
import type { LlamaConfig } from "./config.ts";
import { readJson } from "./json-file.ts";
import { loraParams, loraTargets, type LoraConfig } from "./lora.ts";
import { projections, type Projection } from "./params.ts";
import { readTensors } from "./tensor-folder.ts";

const prefix = "base_model.model.";

/** A feature of PEFT that changes the result and that we lack: it must be off. */
const off = z.literal(false).nullish();
const empty = z.union([z.strictObject({}), z.tuple([])]).nullish();

const peftConfig = z.looseObject({
  peft_type: z.literal("LORA"),
  r: z.int().positive(),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  target_modules: z.union([z.array(z.string()).min(1), z.literal("all-linear")]),
  use_rslora: z.boolean().nullish(),
  base_model_name_or_path: z.string().nullish(),
  bias: z.literal("none").default("none"),
  fan_in_fan_out: off,
  use_dora: off,
  use_qalora: off,
  lora_bias: off,
  modules_to_save: empty,
  rank_pattern: empty,
  alpha_pattern: empty,
  layers_to_transform: z.null().optional(),
  layer_replication: z.null().optional(),
  trainable_token_indices: z.null().optional(),
  target_parameters: empty,
});

export interface LoadedAdapter {
  readonly lora: LoraConfig;
  /** `lora_A` and `lora_B` by the decoder's names. */
  readonly values: Values;
}

/**
 * Loads an adapter in PEFT's layout for a base model.
 * @throws CorellaError `llm/adapter-config`, `llm/adapter-base` for an adapter of another model, `safetensors/…`
 */
export async function loadAdapter(folder: string, config: LlamaConfig): Promise<LoadedAdapter> {
  const configPath = join(folder, "adapter_config.json");
  const parsed = peftConfig.safeParse(await readJson(configPath));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new CorellaError({
      code: "llm/adapter-config",
      message: `${issue.path.join(".")}: ${issue.message}.`,
      place: configPath,
      remedy: "Only plain LoRA and rsLoRA adapters of linear layers are supported.",
    });
  }
  const { r, lora_alpha, lora_dropout, target_modules, use_rslora } = parsed.data;
  const known = [...new Set(projections(config).map(({ name }) => name))];
  const targetModules =
    target_modules === "all-linear"
      ? known
      : target_modules.map((target) => {
          const name = target.split(".").at(-1)!;
          if (known.includes(name as Projection)) return name as Projection;
          throw new CorellaError({
            code: "llm/adapter-config",
            message: `target_modules: the module ${target} is not supported.`,
            place: configPath,
            remedy: `Adapters may target ${known.join(", ")}.`,
          });
        });
  const lora: LoraConfig = {
    rank: r,
    alpha: lora_alpha,
    dropout: lora_dropout,
    targetModules,
    rsLora: use_rslora === true,
  };
  const file = await readSafetensors(join(folder, "adapter_model.safetensors"));
  try {
    const values = await readTensors([file], loraParams(config, lora), folder, (name) => prefix + name);
    return { lora, values };
  } catch (error) {
    throw asOtherBase(error, parsed.data.base_model_name_or_path);
  } finally {
    await file.close();
  }
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

export interface AdapterToSave {
  readonly config: LlamaConfig;
  readonly lora: LoraConfig;
  /** May hold other arrays too; only the adapter's are written. */
  readonly values: Values;
  /** What PEFT calls `base_model_name_or_path`. */
  readonly baseModel?: string;
}

/** Writes an adapter that PEFT can load. */
export async function saveAdapter(folder: string, adapter: AdapterToSave): Promise<void> {
  const { config, lora, values } = adapter;
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
    tensors[prefix + name] = float32Tensor(shape, array);
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
    target_modules: [...loraTargets(lora)].sort(),
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
