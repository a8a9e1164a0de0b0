import { CorellaError } from "@corella/errors";
import { type AttributeCoverage, attributeCoverage } from "./coverage.ts";
import { type FeatureConfig, type Field, parseField } from "./features/config.ts";
import { entityOf, numberByRow, textByRow } from "./features/row-values.ts";
import { attributeList } from "./features/values.ts";
import type { InteractionLog, Warning } from "./log.ts";
import type { PromptConfig, PromptSettings } from "./prompt/config.ts";
import { unknownNames } from "./prompt/names.ts";
import { withPromptDefaults } from "./prompt/of-data.ts";

/** How many rows a feature knows nothing of, and why. */
interface Coverage {
  readonly present: number;
  /** Rows with text where a number is meant, and one of these texts. */
  readonly unreadable: number;
  readonly example: string | undefined;
  readonly distinct: number;
}

/**
 * What the features and the prompt of a run use, as the log has it: a warning for each that is missing for most rows, that is
 * text in place of a number, or that has one value alone.
 * @param rows those of the training part
 * @param use.prompt undefined: no prompts are written
 * @throws CorellaError `features/no-values`, `prompt/no-values` for what is missing in all rows; those of `withPromptDefaults`
 */
export function checkInputs(
  log: InteractionLog,
  rows: Uint32Array,
  use: { features?: readonly FeatureConfig[]; prompt?: PromptSettings | undefined },
): Warning[] {
  return [
    ...(use.features ?? []).flatMap((feature) => checkFeature(log, rows, feature)),
    ...(use.prompt === undefined ? [] : checkPrompt(log, withPromptDefaults(use.prompt, log))),
  ];
}

function checkFeature(log: InteractionLog, rows: Uint32Array, feature: FeatureConfig): Warning[] {
  if (rows.length === 0 || !("field" in feature)) return [];
  const field = parseField(feature);
  const isTime = field.source === "time.hour" || field.source === "time.weekday";
  if (field.attribute === undefined && !isTime) return [];
  const { attribute } = field;
  const table = field.source === "user" ? "users" : "items";
  const isMapped = log.report.attributes.some((of) => of.table === table && of.name === attribute);
  const isKnown =
    attribute === undefined ||
    (field.source === "context"
      ? log.context?.some(({ name }) => name === attribute) === true
      : isMapped || hasAttribute(log, table, attribute));
  if (!isKnown) return []; // features/unknown-attribute says more
  const { present, unreadable, example, distinct } = coverageOf(log, rows, feature, field);
  const asText =
    unreadable === 0
      ? ""
      : `: ${unreadable.toLocaleString("en")} rows have text that is no number, such as ${JSON.stringify(example)}`;
  if (present === 0) {
    throw new CorellaError({
      code: "features/no-values",
      message: `The feature "${feature.name}" has no value in any of the ${rows.length.toLocaleString("en")} training rows${asText}.`,
      place: `features.${feature.name}.field`,
      remedy:
        unreadable > 0
          ? "Clean the column, or make the feature categorical."
          : field.source === "context"
            ? `Check data.source.ratings.columns.${attribute}.`
            : `Check data.source.${table}: is ${attribute} the right column, and does it hold the ids of the ratings?`,
    });
  }
  const missing = rows.length - present;
  if (unreadable > 0 || missing > rows.length / 2) {
    return [
      {
        message: `The feature "${feature.name}" has no value in ${missing.toLocaleString("en")} of ${rows.length.toLocaleString("en")} training rows${asText}.`,
        remedy:
          unreadable > 0
            ? "Clean the column, or make the feature categorical."
            : "Check the column, or leave the feature out.",
      },
    ];
  }
  if (distinct > 1 || rows.length < 2) return [];
  return [
    {
      message: `The feature "${feature.name}" has one and the same value in all training rows that have one.`,
      remedy: isTime
        ? "It says nothing: are the times what data.source.ratings.timeUnit says?"
        : "It says nothing: check the column, or leave the feature out.",
    },
  ];
}

function hasAttribute(log: InteractionLog, table: "users" | "items", name: string): boolean {
  return log[table].attributes.some((attributes) => Object.hasOwn(attributes, name));
}

function coverageOf(log: InteractionLog, rows: Uint32Array, feature: FeatureConfig, field: Field): Coverage {
  const own: Field = field.source === "history.item" ? { ...field, source: "item" } : field;
  const textOf = textByRow(log, own);
  const valueOf =
    feature.type === "numeric"
      ? numberByRow(log, own, log.history.maxLength)
      : feature.type === "multivalued"
        ? listByRow(log, own)
        : textOf;
  const values = new Set<unknown>();
  let [present, unreadable] = [0, 0];
  let example: string | undefined;
  for (const row of rows) {
    const value = valueOf(row);
    if (value !== undefined) {
      present++;
      if (values.size < 2) values.add(value);
      continue;
    }
    const text = feature.type === "numeric" ? textOf(row) : undefined;
    if (text === undefined || text.trim() === "") continue;
    unreadable++;
    example ??= text;
  }
  return { present, unreadable, example, distinct: values.size };
}

/** The elements of a list as one text; undefined where there is none. */
function listByRow(log: InteractionLog, field: Field): (row: number) => string | undefined {
  const { codes, attributes } = entityOf(log, field)!;
  const texts = attributes.map((of) => attributeList(of, field.attribute!).join("\n") || undefined);
  return (row) => texts[codes[row]!];
}

/** Attributes that the templates name: those that the mapping has are looked at, all others are refused. */
function checkPrompt(log: InteractionLog, prompt: PromptConfig): Warning[] {
  const ofItems = [prompt.historyItem, prompt.listItem, prompt.target].flatMap(namesIn);
  const ofTemplate = namesIn(prompt.template);
  const used = {
    items: new Set([...ofItems, ...memberNames(ofTemplate, "target"), ...memberNames(ofTemplate, "history")]),
    users: new Set(memberNames(ofTemplate, "user")),
  };
  const coverage = attributeCoverage(log);
  requireKnownNames(log, prompt, coverage);
  return coverage.flatMap(({ table, name, rows }): Warning[] => {
    if (!used[table].has(name) || rows >= log.size / 2) return [];
    const remedy = `Check data.source.${table}.columns.${name}, or leave it out of the prompt.`;
    if (rows > 0) {
      const without = (log.size - rows).toLocaleString("en");
      return [
        {
          message: `Prompts tell the ${name} of the ${table}, which ${without} of ${log.size.toLocaleString("en")} rows have not.`,
          remedy,
        },
      ];
    }
    throw new CorellaError({
      code: "prompt/no-values",
      message: `Prompts tell the ${name} of the ${table}, which no row has.`,
      place: `data.source.${table}.columns.${name}`,
      remedy,
    });
  });
}

/** A misspelt name would silently be rendered as nothing. */
function requireKnownNames(
  log: InteractionLog,
  prompt: PromptConfig,
  coverage: readonly AttributeCoverage[],
): void {
  const attributesOf = (table: "items" | "users"): Set<string> => {
    const names = new Set(coverage.filter((of) => of.table === table).map(({ name }) => name));
    for (const attributes of log[table].attributes)
      for (const name of Object.keys(attributes)) names.add(name);
    return names;
  };
  const known = { items: attributesOf("items"), users: attributesOf("users") };
  for (const { name, key, table, near } of unknownNames(prompt, known)) {
    throw new CorellaError({
      code: "prompt/no-values",
      message: `The template says "${name}", which no ${table === "items" ? "item" : "user"} has.`,
      place: `prompt.${key}`,
      remedy:
        near === undefined
          ? `Name an attribute of data.source.${table}, or ask for it first: {% if ${name} %}.`
          : `Did you mean "${near}"?`,
    });
  }
}

/** Names with their members, as `title` and `user.gender`, that stand inside of a template's braces. */
function namesIn(template: string): string[] {
  const inside = template.match(/\{[{%][^]*?[%}]\}/g) ?? [];
  return inside.flatMap((part) => part.replaceAll(/'[^']*'|"[^"]*"/g, "").match(/[A-Za-z_][\w.]*/g) ?? []);
}

function memberNames(names: readonly string[], of: string): string[] {
  return names
    .filter((name) => name.startsWith(`${of}.`))
    .map((name) => name.slice(of.length + 1).split(".")[0]!);
}
