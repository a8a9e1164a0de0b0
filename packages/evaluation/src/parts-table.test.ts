import { expect, test } from "vitest";
import { evaluateSeeds, partsTable, type PartsSegment } from "./index.ts";

const labels = Float32Array.of(0, 1, 0, 1);
const models = [
  {
    name: "crm",
    title: "CRM",
    seeds: [Float32Array.of(0.4, 0.3, 0.2, 0.6)],
    shareToLlm: 0,
    trainingMinutes: 1,
  },
  { name: "llm", title: "+ LLM", seeds: [Float32Array.of(0.1, 0.3, 0.2, 0.6)], shareToLlm: 0.25 },
];

/** The figures of each of the models on some places, against the one before it. */
function segment(title: string, places: readonly number[]): PartsSegment {
  const of = (values: Float32Array): Float32Array => Float32Array.from(places, (place) => values[place]!);
  const within = models.map((model) => ({ ...model, seeds: model.seeds.map(of) }));
  const { rows } = evaluateSeeds(within, of(labels), { seed: 1, baseline: "crm" });
  return { title, count: places.length, rows };
}

test("a part's row has its figures on all samples, and its difference to the row before there and in each segment", () => {
  const table = partsTable(
    "parts",
    "Parts",
    [segment("all", [0, 1, 2, 3]), segment("new users", [0, 1])],
    "A note.",
  );
  expect(table.columns).toEqual([
    "part",
    "AUC",
    "logloss",
    "to LLM",
    "minutes",
    "AUC against the row before",
    "new users (2)",
  ]);
  // Of the pairs of a 0 and a 1 the CRM has (.4, .3) wrong, the LLM none.
  const [crm, llm] = table.rows;
  expect(crm!.slice(0, 2)).toEqual(["CRM", ".7500"]);
  expect(crm!.slice(3)).toEqual(["0.0 %", "1.0", "", ""]);
  expect(llm!.slice(0, 2)).toEqual(["+ LLM", "1.0000"]);
  expect(llm!.slice(3, 5)).toEqual(["25.0 %", ""]);
  expect(llm![5]).toMatch(/^\+0\.2500 \[/);
  expect(llm![6]).toMatch(/^\+1\.0000 \[/);
  expect(
    table.records.map(({ segment: of, count, model, auc, aucDifference }) => [
      of,
      count,
      model,
      auc,
      aucDifference,
    ]),
  ).toEqual([
    ["all", 4, "crm", 0.75, null],
    ["all", 4, "llm", 1, 0.25],
    ["new users", 2, "crm", 0, null],
    ["new users", 2, "llm", 1, 1],
  ]);
});
