import { peftTargets, type DecoderConfig, type LoraConfig } from "@corella/llm";
import { stringify } from "yaml";
import type { LlmTuningConfig } from "../config/stages-config.ts";
import type { TrlBase } from "./tuning-record.ts";

/** What TRL is to train, and on what. */
export interface TrlTraining {
  readonly base: TrlBase;
  readonly config: DecoderConfig;
  readonly lora: LoraConfig;
  readonly settings: LlmTuningConfig;
  readonly seed: number;
  /** Tokens of the longest row. */
  readonly longest: number;
  /** Answers that a row teaches, on average. */
  readonly labelsPerRow: number;
  /** Whether there are rows to validate on. */
  readonly validates: boolean;
  /** Processes that share an update, each with a model of its own. */
  readonly processes: number;
  /** The numbers that are computed with; weights of the adapter are float32 in both. */
  readonly precision: "bf16" | "fp32";
}

/**
 * The configuration of TRL's `trl sft`, whose paths start at the folder of the rows. An update is of as many answers as one of the
 * configuration's stage; the schedule and its floor are corella's too.
 */
export function trlConfig(training: TrlTraining): string {
  const { base, config, lora, settings, precision } = training;
  const { batchSize, accumulate, epochs, learningRate, weightDecay, warmupSteps } = settings;
  const rows = batchSize / training.labelsPerRow / training.processes;
  const content = {
    model_name_or_path: base.name,
    ...(base.revision !== undefined && { model_revision: base.revision }),
    dtype: precision === "bf16" ? "bfloat16" : "float32",
    dataset_name: "rows",
    dataset_train_split: "train",
    ...(training.validates && { dataset_test_split: "validation" }),
    eval_strategy: training.validates ? "epoch" : "no",
    use_peft: true,
    lora_r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout ?? 0,
    lora_target_modules: targetsForTrl(config, lora),
    use_rslora: lora.rsLora === true,
    max_length: training.longest,
    packing: false,
    per_device_train_batch_size: Math.max(1, Math.round(rows)),
    per_device_eval_batch_size: Math.max(1, Math.round(rows)),
    gradient_accumulation_steps: accumulate,
    num_train_epochs: epochs,
    learning_rate: learningRate,
    weight_decay: weightDecay,
    warmup_steps: warmupSteps,
    lr_scheduler_type: "cosine_with_min_lr",
    lr_scheduler_kwargs: { min_lr_rate: 0.1 },
    bf16: precision === "bf16",
    seed: training.seed,
    save_strategy: "epoch",
    save_total_limit: 1,
    logging_steps: 10,
    report_to: "none",
    output_dir: "adapter",
  };
  return `# In this folder: trl sft --config trl.yaml${training.processes > 1 ? ` --accelerate_config multi_gpu --num_processes ${training.processes}` : ""}\n${stringify(content)}`;
}

/** TRL makes a single name of a list of one, which PEFT takes for a regular expression of the whole name. */
function targetsForTrl(config: DecoderConfig, lora: LoraConfig): string[] {
  const names = peftTargets(config, lora)["target_modules"] as string[];
  return names.length > 1
    ? names
    : names.map((name) => String.raw`(?:.*\.)?${name.replaceAll(".", String.raw`\.`)}`);
}
