import {
  encodeRows,
  oovId,
  type Attributes,
  type FeatureMap,
  type InteractionLog,
  type PromptConfig,
} from "@corella/modality";

/** What is wrong with a part of the data, and makes its figures worth little; nothing that forbids to go on. */
export interface PartWarning {
  readonly message: string;
  /** What to do. */
  readonly remedy: string;
}

/** What is looked at. */
export interface PartLook {
  readonly log: InteractionLog;
  /** Rows by the name of their part: `training`, `validation`, `test`. */
  readonly parts: Readonly<Record<string, Uint32Array>>;
  /** The part among them whose figures are told. */
  readonly told: string;
  /** Of a CRM; undefined without one. */
  readonly featureMap?: FeatureMap | undefined;
  /** Of a language model; undefined without one. */
  readonly prompt?: PromptConfig | undefined;
}

/** Shares of the samples from which something is worth a word. */
const most = { unknown: 0.9, withoutText: 0.5 };
/** So many rows are looked at, evenly over a part. */
const lookedAt = 5000;

/**
 * Parts of one class; categorical features that know (nearly) none of the values of the part whose figures are told, as where all
 * users are new and a feature is their id; and items without text, of which a language model is told ids alone.
 */
export function partWarnings({ log, parts, told, featureMap, prompt }: PartLook): PartWarning[] {
  const rows = evenly(parts[told]!);
  return [
    ...Object.entries(parts).flatMap(([name, all]) => oneClass(log, name, all)),
    ...(featureMap === undefined ? [] : unknownValues(featureMap, log, rows, told)),
    ...(prompt === undefined ? [] : withoutText(prompt, log, rows, told)),
  ];
}

function evenly(rows: Uint32Array): Uint32Array {
  const count = Math.min(rows.length, lookedAt);
  return Uint32Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)]!);
}

function oneClass({ label }: InteractionLog, name: string, rows: Uint32Array): PartWarning[] {
  if (rows.length === 0) return [];
  const first = label[rows[0]!]!;
  if (rows.some((row) => label[row] !== first)) return [];
  const what = name === "training" ? "there is nothing to learn from" : "it has no AUC";
  return [
    {
      message: `All ${rows.length.toLocaleString("en")} samples of the ${name} part are ${first === 1 ? "positive" : "negative"}: ${what}.`,
      remedy: "Look at data.label, and at how data.split divides.",
    },
  ];
}

function unknownValues(
  featureMap: FeatureMap,
  log: InteractionLog,
  rows: Uint32Array,
  told: string,
): PartWarning[] {
  if (rows.length === 0) return [];
  const fitted = featureMap.fitted.filter(({ config }) => config.type === "categorical");
  const { features } = encodeRows({ ...featureMap, fitted, statistics: undefined }, log, rows);
  return Object.entries(features).flatMap(([name, ids]) => {
    const share = Array.from(ids).filter((id) => id === oovId).length / rows.length;
    if (share < most.unknown) return [];
    const { field } = fitted.find(({ config }) => config.name === name)!.config as { field?: string };
    const of = field === "user" ? "users are new" : field === "item" ? "items are new" : `values are new`;
    return [
      {
        message: `Of ${percent(share)} of the ${told} part the feature "${name}" knows nothing: the ${of}.`,
        remedy:
          field === "user"
            ? "Leave it out where new users are served, or divide so that users are known: what is learned of a user by heart helps no other."
            : "Leave it out, or look at how data.split divides.",
      },
    ];
  });
}

function withoutText(
  { target }: PromptConfig,
  { item, items }: InteractionLog,
  rows: Uint32Array,
  told: string,
): PartWarning[] {
  if (rows.length === 0) return [];
  // Names of attributes are words of the template, whatever else it says.
  const words = new Set(target.match(/[\p{L}_][\p{L}\p{N}_]*/gu));
  const tells = (attributes: Attributes | undefined): boolean =>
    Object.entries(attributes ?? {}).some(
      ([name, value]) =>
        words.has(name) &&
        (typeof value === "string" ? value.trim() !== "" : typeof value !== "number" && value.length > 0),
    );
  const missing = rows.reduce((sum, row) => sum + Number(!tells(items.attributes[item[row]!])), 0);
  const share = missing / rows.length;
  if (share < most.withoutText) return [];
  return [
    {
      message: `The prompt tells no text of the items of ${percent(share)} of the ${told} part: the language model is told ids, which mean nothing to it.`,
      remedy:
        "Give the items texts by data.source.items, and name them in prompt.target; or train the CRM alone.",
    },
  ];
}

function percent(share: number): string {
  return share === 1 ? "all" : `${(100 * share).toFixed(1)} %`;
}
