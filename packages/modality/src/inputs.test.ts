import { expect, test } from "vitest";
import type { FeatureConfig } from "./features/config.ts";
import {
  attributeCoverage,
  attributeRich,
  checkInputs,
  createLog,
  type InteractionLog,
  promptSettingsSchema,
} from "./index.ts";

const report = (name: string, type: "text" | "list" = "text") =>
  ({ table: "items", name, type, filled: 4, read: 4 }) as const;

/** Eight rows on items 0, 1, 2, 3, 0, 1, 2, 3. */
function log(attributes: InteractionLog["items"]["attributes"]): InteractionLog {
  const rows = Array.from({ length: 8 }, (_, row) => row);
  return createLog({
    user: Int32Array.from(rows, () => 0),
    item: Int32Array.from(rows, (row) => row % 4),
    rating: Float32Array.from(rows, () => 5),
    time: Float64Array.from(rows, (row) => row * 7200),
    label: Uint8Array.from(rows, () => 1),
    users: { ids: ["u"], activeCount: 1, attributes: [{ age: 30 }] },
    items: { ids: ["a", "b", "c", "d"], activeCount: 4, attributes },
    history: { maxLength: 5, ties: "exclude" },
    likedThreshold: 4,
    report: { attributes: [report("price"), report("genres", "list"), report("year")] },
  });
}
const numeric = (attribute: string): FeatureConfig => ({
  name: attribute,
  type: "numeric",
  field: `item.${attribute}`,
  transform: "standard",
});
const categorical = (field: string): FeatureConfig => ({ name: field, type: "categorical", field });
const messages = (
  of: InteractionLog,
  features: FeatureConfig[],
  prompt?: Partial<ReturnType<typeof promptSettingsSchema.parse>>,
): string[] =>
  checkInputs(
    of,
    Uint32Array.from({ length: 8 }, (_, row) => row),
    {
      features,
      ...(prompt !== undefined && { prompt: promptSettingsSchema.parse(prompt) }),
    },
  ).map(({ message }) => message);

const priced = log([
  { price: "$12.99", year: "1990" },
  { price: "$3", year: "1990" },
  { price: "7" },
  { price: "8" },
]);

test("text where a number is meant: an error for all rows, a warning for some", () => {
  expect(() => messages(log([{ price: "$1" }, { price: "1,5" }, {}, {}]), [numeric("price")])).toThrowError(
    expect.objectContaining({
      code: "features/no-values",
      message:
        'The feature "price" has no value in any of the 8 training rows: 4 rows have text that is no number, such as "$1".',
    }),
  );
  expect(messages(priced, [numeric("price")])).toEqual([
    'The feature "price" has no value in 4 of 8 training rows: 4 rows have text that is no number, such as "$12.99".',
  ]);
});

test("what is missing for most rows is warned of, for all rows refused, whatever the type of the feature", () => {
  const few = log([{ year: "1990", genres: ["War"] }, {}, {}, {}]);
  const genres: FeatureConfig = {
    name: "g",
    type: "multivalued",
    field: "item.genres",
    maxLength: 2,
    pooling: "mean",
  };
  const sequence: FeatureConfig = {
    name: "s",
    type: "sequence",
    field: "history.item.year",
    maxLength: 3,
    pooling: "mean",
  };
  for (const feature of [categorical("item.year"), numeric("year"), genres, sequence]) {
    expect(messages(few, [feature])).toEqual([expect.stringContaining("no value in 6 of 8 training rows")]);
    expect(() => messages(log([{}, {}, {}, {}]), [feature])).toThrowError(
      expect.objectContaining({ code: "features/no-values" }),
    );
  }
  expect(messages(few, [categorical("item"), categorical("user.age")])).toEqual([
    expect.stringContaining("one and the same value"),
  ]);
});

test("a feature with one value alone is warned of, an hour of the day too", () => {
  expect(messages(priced, [categorical("item.year")])).toEqual([
    expect.stringContaining("one and the same value"),
  ]);
  expect(messages(priced, [categorical("time.hour"), categorical("item.price")])).toEqual([]);
  expect(messages(priced, [categorical("time.weekday")])).toEqual([
    expect.stringContaining("one and the same value"),
  ]);
});

test("what prompts tell and the mapping has, but no row or few have", () => {
  expect(messages(priced, [], { target: "{{title}} {{year}}" })).toEqual([]);
  expect(() => messages(priced, [], {})).toThrowError(
    expect.objectContaining({
      code: "prompt/no-values",
      message: "Prompts tell the genres of the items, which no row has.",
    }),
  );
  const few = log([{ genres: ["War"] }, {}, {}, {}]);
  expect(
    messages(few, [], {
      target: "{{title}}{% if genres %} {{genres}}{% endif %}",
      historyItem: "{{title}}",
      listItem: "{{title}}",
    }),
  ).toEqual(["Prompts tell the genres of the items, which 6 of 8 rows have not."]);
});

test.each([
  [{ historyItem: "{{titel}} {{rating}}" }, "historyItem", "titel", 'Did you mean "title"?'],
  [{ target: "{{title}} ({{yaer}})" }, "target", "yaer", 'Did you mean "year"?'],
  [{ listItem: "{{ title ~ prise }}" }, "listItem", "prise", 'Did you mean "price"?'],
  [{ listItem: "{{title}} {{item.mean}}" }, "listItem", "item", expect.stringContaining("{% if item %}")],
  [{ template: "{{user.aeg}} {{target_item}}" }, "template", "user.aeg", 'Did you mean "user.age"?'],
  [{ template: "{{user['aeg']}}" }, "template", "user.aeg", 'Did you mean "user.age"?'],
  [{ template: "{{target.yaer | join}}" }, "template", "target.yaer", 'Did you mean "target.year"?'],
  [{ template: "{% if user %}{{user.aeg}}{% endif %}" }, "template", "user.aeg", expect.any(String)],
])("a misspelt name in %o is refused", (prompt, key, name, remedy) => {
  const said = { target: "{{title}}", ...prompt };
  expect(() => messages(priced, [], said)).toThrowError(
    expect.objectContaining({
      code: "prompt/no-values",
      message: expect.stringContaining(`The template says "${name}", which no `),
      place: `prompt.${key}`,
      remedy,
    }),
  );
});

const rich = log(
  ["War", "Noir", "War", "Noir"].map((genre, i) => ({ price: `${i}`, year: "1990", genres: [genre] })),
);

test.each([
  {},
  { target: "{{title}}{% if plot %} {{plot}}{% endif %}{{ director | default('') }}" },
  {
    target:
      "{{title}} {{id}} {{context}} {{item.mean | round(1)}}{% if plot is defined %}{{plot}}{% endif %}",
  },
  { target: "{% set shown = title | upper %}{{shown}} {{ plot or '' }}{{ cast[0] if cast }}" },
  {
    historyItem:
      "{{id}} {{rating}}/{{rating_scale}} {{'yes' if liked else 'no'}} {{item.count}} {{user.count}}",
  },
  { template: "{{user.age}} {{user.mean}} {{target.title}} {{target.id}} {{user.items() | length}}" },
  { template: "{% if user.gender %}{{user.gender}}{% endif %}{{ target.plot | default('') }}" },
  { template: "{% for user in history %}{{user.anything}}{% endfor %}" },
  attributeRich,
])("what templates know, declare or ask for first is no misspelt name: %o", (prompt) => {
  expect(messages(rich, [], prompt)).toEqual([]);
});

test("coverage counts rows, numbers and distinct values, and keeps what came out empty", () => {
  expect(attributeCoverage(priced)).toEqual([
    { table: "users", name: "age", type: "number", rows: 8, numbers: 8, distinct: 1 },
    { table: "items", name: "price", type: "text", rows: 8, numbers: 4, distinct: 4 },
    { table: "items", name: "genres", type: "list", rows: 0, numbers: 0, distinct: 0 },
    { table: "items", name: "year", type: "text", rows: 4, numbers: 4, distinct: 1 },
  ]);
});
