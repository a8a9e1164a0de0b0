import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "@corella/terminal/testing";
import { expect, test } from "vitest";

/** A folder with 300 ratings and a configuration that trains in seconds. */
function project(ratings?: string): { folder: string; config: string; runs: string } {
  const folder = mkdtempSync(join(tmpdir(), "corella-train-"));
  const rows = Array.from({ length: 300 }, (_, i) => {
    const [user, item] = [i % 12, (i * 7 + Math.floor(i / 12)) % 20];
    return `${user},${item},${user % 2 === item % 2 ? 5 : 2},${1000 + i}`; // both classes in every part
  });
  writeFileSync(join(folder, "ratings.csv"), ratings ?? rows.join("\n"));
  const config = join(folder, "small.yaml");
  writeFileSync(
    config,
    `name: small
data:
  source: { ratings: { path: ratings.csv, columns: { user: 0, item: 1, rating: 2, time: 3 } } }
  label: { threshold: 4 }
features: [{ name: user, type: categorical, field: user }, { name: item, type: categorical, field: item }]
prompt: { historyLength: 2 }
crm: { model: DCNv2, embeddingDim: 4, crossLayers: 1, parallelUnits: [8] }
llm:
  base:
    { kind: scratch, vocabularySize: 300, hiddenSize: 8, layers: 1, heads: 1, keyValueHeads: 1, feedForwardSize: 16, pretraining: { steps: 3, batchSize: 2, sequenceLength: 16 } }
  maxTokens: 300
stages:
  warmUp: { epochs: 1, batchSize: 64 }
  joint: { samples: 32, batchSize: 16, projection: { width: 4 } }
  llmAlone: { samples: 32, batchSize: 16 }
`,
  );
  return { folder, config, runs: join(folder, "runs") };
}

interface TermsLine {
  readonly phase: string;
  readonly step: number;
  readonly loss: number;
  readonly terms: { readonly llmLoss: number; readonly crmLoss: number; readonly calibration: number };
}

test("train ends with the table and writes the run's folder; evaluate scores its bundle", () => {
  const { config, runs } = project();
  const trained = command("train", "--config", config, "--runs", runs, "--cache", join(runs, "../cache"));
  expect(trained.stderr).toMatch(/Stage 1[\s\S]*Stage 0[\s\S]*Stage 2[\s\S]*Stage 3/);
  expect(trained.status).toBe(0);
  for (const model of [
    "CRM after stage 1",
    "CRM after stage 2",
    "LLM alone",
    "CoReLLa, replacing",
    "CoReLLa, adding logits",
  ]) {
    expect(trained.stdout).toContain(model);
  }
  const run = join(runs, "small");
  for (const file of [
    "config.yaml",
    "metrics.jsonl",
    "report.html",
    "figures.csv",
    "segments.csv",
    "bundle/manifest.json",
  ]) {
    expect(existsSync(join(run, file)), file).toBe(true);
  }
  const lines = readFileSync(join(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { phase: string });
  expect(new Set(lines.map(({ phase }) => phase))).toEqual(
    new Set(["stage-0", "stage-1", "stage-2", "stage-3", "test", "importance"]),
  );
  // Eq. 4 with its weights 1, 1 and .1; a phase with one model has one term, which is the loss.
  const terms = lines.flatMap((line) => ("terms" in line ? [line as unknown as TermsLine] : []));
  expect(terms.map(({ phase, step }) => `${phase} ${step}`)).toEqual(["stage-2 1", "stage-2 2"]);
  for (const {
    loss,
    terms: { llmLoss, crmLoss, calibration },
  } of terms)
    expect(llmLoss + crmLoss + 0.1 * calibration).toBeCloseTo(loss, 4);
  const html = readFileSync(join(run, "report.html"), "utf8");
  expect(html).toContain("features are worth to it</h2>");
  expect(html).toContain("Distance of the two models (L_cal): Stage 2");
  expect(html).toContain("What alignment changed");

  // Of the 12 users of the log
  expect(trained.stdout.replaceAll("\n", " ")).toMatch(/resamples by users \(\d\d?\), seed 1/);
  const cache = join(runs, "../cache");
  const evaluated = command("evaluate", "--runs", runs, "--cache", cache, "--intervals", "rows");
  expect(evaluated.stdout.replaceAll("\n", " ")).toContain("resamples by rows, seed 1");
  expect(evaluated.stderr).not.toContain("error");
  expect(evaluated.status).toBe(0);
  const figures = JSON.parse(readFileSync(join(run, "evaluation-test/metrics.json"), "utf8")) as {
    rows: { name: string; auc: { estimate: number } }[];
  };
  const auc = (name: string): number => figures.rows.find((row) => row.name === name)!.auc.estimate;
  const logged = (name: string): number =>
    (lines.find((line) => (line as { model?: string }).model === name) as unknown as { auc: number }).auc;
  expect(evaluated.stdout).toContain("AUC by segment: CoReLLa, adding logits, against CRM");
  expect(readFileSync(join(run, "evaluation-test/segments.csv"), "utf8")).toMatch(
    /^segment,count,.*\r\nknown users,30,/,
  );
  const { rows: costly } = JSON.parse(readFileSync(join(run, "figures.json"), "utf8")) as {
    rows: { name: string; cost: { trainingMinutes: number; msPerSample: number } }[];
  };
  const costOf = (name: string) => costly.find((row) => row.name === name)!.cost;
  expect(costOf("llm").trainingMinutes).toBeGreaterThan(costOf("crm-stage-1").trainingMinutes);
  expect(costOf("replace").msPerSample).toBeGreaterThan(costOf("crm").msPerSample);
  expect(auc("crm")).toBeCloseTo(logged("CRM after stage 2"), 6);
  expect(auc("add-logits")).toBeCloseTo(logged("CoReLLa, adding logits"), 6);

  const again = command(
    "train",
    "--config",
    config,
    "--runs",
    runs,
    "--cache",
    join(runs, "../cache"),
    "--name",
    "small",
  );
  expect(again.status).toBe(1);
  expect(again.stderr).toContain("error [train/run-exists]");
});

test("features that know the answer or number the rows are warned of before training, which goes on", () => {
  const { folder, config, runs } = project();
  // Each row has an item of its own, whose table tells whether it was liked.
  const rows = Array.from({ length: 300 }, (_, i) => i);
  const liked = (i: number): boolean => (i * 7) % 3 === 0;
  writeFileSync(
    join(folder, "ratings.csv"),
    rows.map((i) => `${i % 12},${i},${liked(i) ? 5 : 2},${1000 + i}`).join("\n"),
  );
  writeFileSync(join(folder, "items.csv"), rows.map((i) => `${i},${liked(i) ? "a" : "b"},N${i}`).join("\n"));
  const settings = [
    "recipe=crm-only",
    "data.source.items.path=items.csv",
    "data.source.items.columns={ item: 0, answer: 1, order: 2 }",
    "features=[{ name: item, type: categorical, field: item }, { name: answer, type: categorical, field: item.answer }, { name: order, type: categorical, field: item.order }]",
  ].flatMap((setting) => ["--set", setting]);
  const cache = join(folder, "cache");
  const trained = command("train", "--config", config, "--runs", runs, "--cache", cache, ...settings);
  expect(trained.status).toBe(0);
  const warnings = trained.stderr.split("\n").filter((line) => line.startsWith("warning: The feature"));
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toMatch(/"answer" alone has an AUC of 1\.0000.*Leave it out unless/);
  expect(warnings[1]).toMatch(/"order" is nearly a key of the sample.*Leave it out, or/);
  expect(trained.stderr.indexOf("warning")).toBeLessThan(trained.stderr.indexOf("Training DCNv2"));
});

test.each([
  ["a missing configuration", ["--config", "nowhere.yaml"], "config/missing", "nowhere.yaml"],
  [
    "a setting that is none",
    ["--set", "stages.joint.sampels=3"],
    "config/unknown-key",
    "Did you mean samples?",
  ],
  ["a setting of the wrong type", ["--set", "seed=many"], "config/invalid", "seed"],
  ["a setting without a value", ["--set", "seed"], "config/set", "the setting seed"],
  ["nothing to resume", ["--name", "never-started", "--resume"], "train/nothing-to-resume", "never-started"],
  [
    "a parameter that the CRM lacks",
    ["--set", "crm.crosslayers=3"],
    "crm/unknown-parameter",
    "Did you mean crossLayers?",
  ],
  // The name is text, whatever YAML would make of it, and a file is no folder for runs.
  [
    "a file where runs are to be kept",
    ["--name", "2024", "--runs", "package.json"],
    "file/system",
    "package.json/2024",
  ],
  [
    "a language model that is not there",
    ["--set", "llm.base={kind: pretrained, folder: nowhere}"],
    "",
    "nowhere",
  ],
])("%s is one clear error", (_, options, code, hint) => {
  const { config, runs } = project();
  const { status, stderr } = command(
    "train",
    "--config",
    config,
    "--runs",
    runs,
    "--cache",
    join(runs, "../cache"),
    ...options,
  );
  expect(status).toBe(1);
  expect(stderr).toContain(`error [${code}`);
  expect(stderr).toContain(hint);
  expect(stderr).not.toContain("    at ");
});

test.each([
  ["a rating that is no number", "1,2,3,1000\n1,2,good,1001\n", /ratings\.csv:2/],
  ["a line that is cut off", "1,2,3,1000\n1,2\n", /ratings\.csv:2/],
  ["an empty file", "", /ratings\.csv/],
])("%s is named with its place", (_, ratings, place) => {
  const { config, runs } = project(ratings);
  const { status, stderr } = command(
    "train",
    "--config",
    config,
    "--runs",
    runs,
    "--cache",
    join(runs, "../cache"),
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(/error \[/);
  expect(stderr).toMatch(place);
  expect(stderr).not.toContain("    at ");
});
