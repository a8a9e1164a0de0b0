import type { ReportTable } from "@corella/evaluation";
import {
  catalogueFromLog,
  createPrompt,
  encodeRows,
  type FeatureMap,
  type InteractionLog,
  type LogSplit,
  oovId,
  paddingId,
  type PromptSettings,
  recordsAt,
  withPromptDefaults,
} from "@corella/modality";

/** One sample of a part as the models get it. */
export interface PartSample {
  readonly part: keyof LogSplit;
  /** User, item and label, as the source says them. */
  readonly of: string;
  /** The features by name, ids as the values that they stand for. */
  readonly features: readonly (readonly [name: string, value: string])[];
  readonly prompt: string;
}

/** The sample in the middle of each part that has some. */
export function sampleOfParts(
  log: InteractionLog,
  split: LogSplit,
  featureMap: FeatureMap | undefined,
  prompt: PromptSettings,
): PartSample[] {
  const writer = createPrompt({ ...withPromptDefaults(prompt, log), retrieval: "none" });
  const catalogue = catalogueFromLog(log);
  return (["train", "validation", "test"] as const).flatMap((part): PartSample[] => {
    const row = split[part][split[part].length >> 1];
    if (row === undefined) return [];
    const [record] = recordsAt(log, [row], writer);
    return [
      {
        part,
        of: `user ${record!.user}, item ${record!.item}, label ${log.label[row]}`,
        features: featureMap === undefined ? [] : featureRow(featureMap, log, row),
        // No CRM is asked here; where the prompt says its answer, it stands for one that is as unsure as can be.
        prompt: writer.render({ ...record!, pCrm: 0.5 }, catalogue),
      },
    ];
  });
}

function featureRow(featureMap: FeatureMap, log: InteractionLog, row: number): [string, string][] {
  const { vocabularies } = featureMap.toJson();
  const tables = new Map(
    featureMap.fitted.map(({ config }) => [
      config.name,
      ("shareWith" in config ? config.shareWith : undefined) ?? config.name,
    ]),
  );
  return Object.entries(encodeRows(featureMap, log, [row]).features).map(([name, values]) => {
    const vocabulary = vocabularies[tables.get(name) ?? name];
    const text = (value: number): string =>
      value === oovId ? "(unseen)" : vocabulary === undefined ? `bucket ${value}` : vocabulary[value - 2]!;
    if (values instanceof Float32Array)
      return [name, values.length > 8 ? `a vector of ${values.length}` : [...values].map(number).join(", ")];
    const known = [...values].filter((value) => value !== paddingId).map(text);
    return [name, known.length === 0 ? "(none)" : known.join(", ")];
  });
}

function number(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** The features of the samples side by side. */
export function sampleTable(samples: readonly PartSample[]): ReportTable {
  const names = samples[0]?.features.map(([name]) => name) ?? [];
  return {
    columns: ["a sample", ...samples.map(({ part }) => part)],
    rows: [
      ["", ...samples.map(({ of }) => of)],
      ...names.map((name, index) => [name, ...samples.map(({ features }) => shortened(features[index]![1]))]),
    ],
  };
}

/** The prompts of the samples. */
export function promptTable(samples: readonly PartSample[]): ReportTable {
  return { columns: ["", "a prompt"], rows: samples.map(({ part, prompt }) => [part, prompt]) };
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
