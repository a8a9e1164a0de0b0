import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { ProgressListener } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { writeFolderAtomic } from "@corella/files";
import { cutPrompt, encodeChains, isHubReference, loraParams } from "@corella/llm";
import { createPrompt } from "@corella/modality";
import type { PretrainedConfig } from "../config/config.ts";
import { configForFolder, type LoadedConfig } from "../config/load-config.ts";
import { resolveConfig } from "../config/resolve-config.ts";
import { prepareData, type PreparedData } from "../data.ts";
import { dataKey } from "../data-key.ts";
import { askingOf, type Asking } from "../llm/asking.ts";
import { designOf, folderOf } from "../llm/base-llm.ts";
import { loraOf } from "../llm/lora-of.ts";
import { chooseRows, type ChosenRows } from "../llm/text-samples.ts";
import { noteWarnings, requireTunableLlm } from "../preflight.ts";
import type { ResolvedConfig } from "../run.ts";
import { validationRows } from "../scored-rows.ts";
import { refuseCrmInRows, requireExportable } from "./exportable.ts";
import { trlConfig, type TrlTraining } from "./trl-config.ts";
import {
  hashOfBase,
  hashOfText,
  recordName,
  type RowsFile,
  type TrlBase,
  type TuningRecord,
} from "./tuning-record.ts";
import { tuningRows, type TuningRow } from "./tuning-rows.ts";

/** Where an export goes, what it is for, and who watches it. */
export interface ExportOptions extends Partial<Pick<TrlTraining, "processes" | "precision">> {
  /** Is made; must not be there yet, or be empty. */
  readonly folder: string;
  /** Prepared data are kept here and used again. */
  readonly cacheFolder: string;
  readonly listener?: ProgressListener;
  readonly signal?: AbortSignal | undefined;
}

/** What stands in an export, in words, for whoever trains by other means than TRL. */
const layout: TuningRecord["layout"] = {
  end: "no token follows the answer: what was taught is the token behind the prompt, and none ends the text",
  padding:
    "none: rows are as long as they are; a batch may be filled on the right with any token under a label of -100",
  attention: "every token attends to all before it and to itself; a mask leaves out the filling alone",
  loss: "cross entropy over the whole vocabulary at the labelled places, each weighing the same; labels are of the token at their own place",
};

/** Units of samples, which are windows or runs of a user or single rows, that are told and tokenised at once. */
const unitsAtOnce = 128;

/**
 * Writes what tunes the LLM of a recipe alone as rows of token ids and labels, with TRL's configuration and a record: `rows/train.jsonl`,
 * `rows/validation.jsonl`, `trl.yaml`, `config.yaml` and `corella.json`. Rows are made and written in parts, so that memory does not grow with
 * their number. The recipe corella is exported without its joint stage, which needs both models in one process.
 * @throws CorellaError `adapter/folder`, `config/export` for what other trainers cannot do, `adapter/interrupted`, and those of `train` before its
 * first phase
 */
export async function exportTuning(loaded: LoadedConfig, options: ExportOptions): Promise<TuningRecord> {
  const { folder, cacheFolder, listener = {}, signal, processes = 1, precision = "bf16" } = options;
  requireFreeFolder(folder);
  requireExportable(loaded.config);
  listener.note?.("Reading the data");
  const { config, baseFolder } = await resolveConfig(withoutJoint(loaded), cacheFolder, listener.note);
  // What CRMs read is not needed here.
  const alone = { ...config, recipe: "llm-only" } as const;
  const data = await prepareData(alone, baseFolder, cacheFolder);
  noteWarnings(data, alone, listener);
  const design = await designOf({ config, baseFolder, data, listener });
  refuseCrmInRows(createPrompt(config.prompt));
  requireTunableLlm(config, data, design, ["llmAlone"]);
  if (config.llm.loss !== "answer")
    listener.note?.(
      "The configuration's llm.loss is twoWay; rows teach the answer among all tokens, as llm.loss: answer does.",
    );

  const asking = await askingOf({ config, data }, design.tokenizer, undefined);
  const base = config.llm.base as PretrainedConfig;
  const source = folderOf(base, baseFolder);
  const lora = loraOf(config.llm.lora, design.config);
  const settings = config.stages.llmAlone;
  const chosen = {
    "train.jsonl": await chooseRows({ config, data }, asking.prompt, settings.samples, "llm-alone"),
    "validation.jsonl": await chooseRows(
      { config, data },
      asking.prompt,
      settings.validationSamples,
      "llm-validation",
      { from: validationRows(config, data).choosing },
    ),
  };
  const started = Date.now();
  let record: TuningRecord | undefined;
  await mkdir(dirname(resolve(folder)), { recursive: true });
  await writeFolderAtomic(resolve(folder), async (temporary) => {
    await mkdir(join(temporary, "rows"));
    const files: Record<string, RowsFile> = {};
    for (const [name, rows] of Object.entries(chosen))
      if (rows.rows.length > 0)
        files[name] = await writeRows(join(temporary, "rows", name), rows, {
          config,
          data,
          asking,
          name,
          listener,
          signal,
        });
    const train = files["train.jsonl"]!;
    const trlBase = baseForTrl(base, source, folder);
    record = {
      format: 1,
      recipe: config.recipe,
      base: { ...trlBase, sha256: await hashOfBase(source) },
      tokenizer: { sha256: hashOfText(design.tokenizer.json), chat: design.tokenizer.chat !== undefined },
      lora: {
        rank: lora.rank,
        alpha: lora.alpha,
        dropout: lora.dropout ?? 0,
        rsLora: lora.rsLora === true,
        modules: adaptedModules(Object.keys(loraParams(design.config, lora))),
      },
      answers: { yes: asking.answers.yes, no: asking.answers.no },
      supervision: config.llm.supervision,
      layout,
      data: await dataKey({ data: config.data }, { baseFolder, cacheFolder }),
      seed: config.seed,
      files,
    };
    await writeFile(join(temporary, recordName), `${JSON.stringify(record, null, 2)}\n`);
    await writeFile(join(temporary, "config.yaml"), configForFolder({ config, baseFolder }, folder));
    const trl = trlConfig({
      base: trlBase,
      config: design.config,
      lora,
      settings,
      seed: config.seed,
      longest: Math.max(...Object.values(files).map(({ longest }) => longest)),
      labelsPerRow: train.answers / train.rows,
      validates: Object.hasOwn(files, "validation.jsonl"),
      processes,
      precision,
    });
    await writeFile(join(temporary, "trl.yaml"), trl);
  });
  const { rows, answers } = record!.files["train.jsonl"]!;
  listener.note?.(
    `${rows} rows with ${answers} answers to learn, in ${((Date.now() - started) / 1000).toFixed(1)} s`,
  );
  return record!;
}

/** Modules by the names of an adapter's parameters. */
export function adaptedModules(params: readonly string[]): string[] {
  return params
    .filter((name) => name.endsWith(".lora_A.weight"))
    .map((name) => name.slice(0, -".lora_A.weight".length));
}

/** @throws CorellaError `adapter/folder`: an adapter may lie there that was trained for hours */
function requireFreeFolder(folder: string): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return;
  throw new CorellaError({
    code: "adapter/folder",
    message: "The folder of the export is there already.",
    place: folder,
    remedy: "Choose another one, or remove it.",
  });
}

/** The joint stage has both models in one process; elsewhere there is one. */
function withoutJoint({ config, baseFolder }: LoadedConfig): LoadedConfig {
  const { stages, recipe } = config;
  if (recipe !== "corella") return { config, baseFolder };
  const skip = [...new Set([...(stages.skip ?? []), "joint" as const])];
  return { config: { ...config, stages: { ...stages, skip } }, baseFolder };
}

/** The base as TRL finds it from the folder of the export. */
function baseForTrl({ folder }: PretrainedConfig, source: string, from: string): TrlBase {
  if (!isHubReference(folder)) return { name: relative(resolve(from), source) || "." };
  const [, name, revision] = /^hf:([^@]+)(?:@(.+))?$/.exec(folder)!;
  return { name: name!, revision };
}

interface Writing {
  readonly config: ResolvedConfig;
  readonly data: PreparedData;
  readonly asking: Asking;
  readonly name: string;
  readonly listener: ProgressListener;
  readonly signal: AbortSignal | undefined;
}

/** Writes samples as rows, a part of them at a time. */
async function writeRows(
  path: string,
  chosen: ChosenRows,
  { config, data, asking, name, listener, signal }: Writing,
): Promise<RowsFile> {
  const { tokenizer, prompt, answers } = asking;
  const { runs } = chosen;
  // Other runs share a history, but not a pass: each target stands behind it in a row of its own.
  const isOnePass = config.llm.supervision === "dense";
  const steps = Math.ceil((runs?.length ?? chosen.rows.length) / unitsAtOnce);
  const title = `Writing ${name}`;
  listener.phaseStarted?.({
    name: "scoring",
    title,
    steps,
    step: 0,
    samplesPerStep: Math.round(chosen.rows.length / Math.max(1, steps)),
    validations: [],
  });
  const hash = createHash("sha256");
  const counts = { rows: 0, answers: 0, tokens: 0, longest: 0 };
  const file = await open(path, "wx");
  try {
    for (let step = 0; step < steps; step++) {
      if (signal?.aborted) throw interrupted(path);
      const [start, end] = [step * unitsAtOnce, (step + 1) * unitsAtOnce];
      const part = runs?.slice(start, end);
      const rows =
        part === undefined
          ? chosen.rows.subarray(start, end)
          : part.flatMap((run) => Array.from(run, (place) => chosen.rows[place]!));
      const prompts = await encodeChains(
        tokenizer,
        chosen.render(prompt, start, end).map((text) => cutPrompt(text, answers)),
      );
      const taught = Array.from(data.labels(rows), (label) => (label === 1 ? answers.yes : answers.no));
      let lines = "";
      let place = 0;
      for (const { length } of isOnePass ? part! : prompts.map(() => [0])) {
        for (const row of tuningRows(
          prompts.slice(place, place + length),
          taught.slice(place, place + length),
        )) {
          lines += lineOf(row);
          counts.rows += 1;
          counts.tokens += row.inputIds.length;
          counts.longest = Math.max(counts.longest, row.inputIds.length);
        }
        counts.answers += length;
        place += length;
      }
      hash.update(lines);
      await file.write(lines);
      listener.stepDone?.("scoring", step + 1, Number.NaN);
    }
  } finally {
    await file.close();
  }
  return { ...counts, sha256: hash.digest("hex") };
}

function interrupted(place: string): CorellaError {
  return new CorellaError({
    code: "adapter/interrupted",
    message: "The export was interrupted; nothing of it is left.",
    place,
    remedy: "Start it again.",
  });
}

function lineOf({ inputIds, labels }: TuningRow): string {
  return `{"input_ids":[${inputIds.join()}],"labels":[${labels.join()}]}\n`;
}
