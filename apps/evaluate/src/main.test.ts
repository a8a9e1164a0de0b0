import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveTinyBundle } from "@corella/bundle/testing";
import { auc } from "@corella/metrics";
import { command, startCommand, type CommandResult } from "@corella/terminal/testing";
import { expect, test } from "vitest";

/** Each test starts several processes. */
const timeoutMs = 240_000;

/** A folder with 300 ratings and a configuration that trains in seconds. */
function project(): { folder: string; options: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "corella-evaluate-"));
  const rows = Array.from({ length: 300 }, (_, i) => {
    const [user, item] = [(i * 5) % 13, (i * 7 + Math.floor(i / 12)) % 20];
    return `${user},${item},${(user + item + (i % 5 === 0 ? 1 : 0)) % 2 === 0 ? 5 : 2},${1000 + i}`;
  });
  writeFileSync(join(folder, "ratings.csv"), rows.join("\n"));
  writeFileSync(
    join(folder, "small.yaml"),
    `name: small
data:
  source: { ratings: { path: ratings.csv, columns: { user: 0, item: 1, rating: 2, time: 3 } } }
  label: { threshold: 4 }
prompt: { template: "{{target_item}}: ", historyLength: 2 }
crm: { model: DCNv2, embeddingDim: 4, crossLayers: 1, parallelUnits: [8] }
llm:
  base:
    kind: scratch
    vocabularySize: 300
    hiddenSize: 8
    layers: 1
    heads: 2
    keyValueHeads: 1
    feedForwardSize: 16
    pretraining: { steps: 3, batchSize: 4, sequenceLength: 16, warmupSteps: 1 }
textTower: { hiddenSize: 8, layers: 1, feedForwardSize: 16 }
tallrec: { shots: 16, epochs: 1, validationsPerEpoch: 0, maxTokens: 250 }
t5: { vocabularySize: 300, hiddenSize: 8, layers: 1, heads: 2, feedForwardSize: 16 }
stages:
  contrastive: { samples: 64, batchSize: 16, width: 4 }
  warmUp: { epochs: 1, batchSize: 64 }
  joint: { samples: 32, batchSize: 16, projection: { width: 4 } }
  llmAlone: { samples: 32, batchSize: 16 }
  p5: { samples: 32, batchSize: 16 }
`,
  );
  const places = ["runs", "experiments", "cache"].flatMap((place) => [`--${place}`, join(folder, place)]);
  return { folder, options: ["--config", join(folder, "small.yaml"), "--seeds", "1", ...places] };
}

/** The cells of a line of comma-separated values. */
function csvCells(line: string): string[] {
  return [...line.matchAll(/(?:^|,)("(?:[^"]|"")*"|[^,]*)/g)].map(([, cell]) => cell!);
}

const evaluate = (...options: string[]): CommandResult => command("evaluate", ...options);

test(
  "tables that are killed go on, and a second call trains nothing",
  async () => {
    const { folder, options } = project();
    const all = ["--table", "all", "--rows", "20", "--sizes", "16", ...options];
    const child = startCommand("evaluate", ...all);
    let shown = "";
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.stderr!.on("data", (text: Buffer) => {
      shown += text.toString();
      if (shown.includes("Stage 2: joint")) child.kill("SIGKILL");
    });
    await ended;
    expect(shown).toContain("10 runs: 10 to do, 0 found");

    const resumed = evaluate(...all);
    expect(resumed.stderr).toContain("10 runs: 5 to do, 5 found");
    expect(resumed.stderr).toContain("Stage 1: CRM warm-up: found");
    expect(resumed.status).toBe(0);
    for (const title of ["Table 1", "Table 2", "Figure 1", "Budget", "Segments"])
      expect(resumed.stdout).toContain(`\n${title}`);
    expect(resumed.stdout).toMatch(/2\d of 30 test rows: all those of \d users/);
    const out = join(folder, "runs/evaluate-small");
    expect(readdirSync(out).toSorted()).toEqual([
      "budget.csv",
      "figure-1.csv",
      "limits.csv",
      "report.html",
      "results.json",
      "segments.csv",
      "table-1.csv",
      "table-2.csv",
    ]);
    const table1 = readFileSync(join(out, "table-1.csv"), "utf8").trim().split("\n");
    expect(table1.map((line) => line.split(",")[0])).toEqual(
      expect.arrayContaining([
        "model",
        "constant",
        "item-mean",
        "crm",
        "ctrl",
        "tallrec",
        "p5",
        "llm",
        "replace",
        "add-logits",
      ]),
    );
    const header = table1[0]!.split(",");
    for (const column of ["groupAuc", "calibrationError", "validationAuc", "validationLogLoss"])
      for (const line of table1.slice(1))
        expect(csvCells(line)[header.indexOf(column)], `${line.split(",")[0]} ${column}`).not.toBe("");
    const page = readFileSync(join(out, "report.html"), "utf8");
    expect(page).toContain("Figure 1: by confidence");
    const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as {
      verdict: string;
      warnings: string[];
    };
    // Three steps of pre-training teach nobody, and thirty rows tell nothing apart.
    expect(results.verdict).toMatch(/LLM|CRM/);
    expect(results.verdict).toMatch(/from CoReLLa by these samples|than CoReLLa/);
    expect(results.warnings.length).toBeGreaterThan(0);
    for (const said of [results.verdict, ...results.warnings.map((warning) => `warning: ${warning}`)])
      expect(resumed.stdout).toContain(`\n${said}\n`);
    expect(page).toContain('<p class="verdict">');
    expect(page).toContain('<ul class="warnings">');

    const again = evaluate(...all);
    expect(again.stderr).toContain("10 runs: 0 to do, 10 found");
    expect(again.stderr).not.toContain("Run 1");
    // Training a tokenizer prints empty lines.
    expect(again.stdout.trim()).toBe(resumed.stdout.trim());
  },
  timeoutMs,
);

test(
  "a table of parts has a row for each, against the row before, and trains what they share once",
  async () => {
    const { folder, options } = project();
    const { status, stdout, stderr } = evaluate("--table", "parts", ...options);
    expect(status).toBe(0);
    expect(stderr).toContain("5 runs: 5 to do, 0 found");
    expect(stderr.match(/Stage 2: joint training with alignment$/gm)).toHaveLength(1);
    expect(stderr.match(/Stage 2: joint training with alignment: found/g)).toHaveLength(2);
    expect(stdout).toContain("Parts: what each adds");
    const results = JSON.parse(readFileSync(join(folder, "runs/evaluate-small/results.json"), "utf8")) as {
      parts: { records: Record<string, string | number | null>[] };
    };
    const { records } = results.parts;
    const all = records.filter(({ segment }) => segment === "all");
    expect(all.map(({ model }) => model)).toEqual([
      "crm",
      "replace",
      "add-logits",
      "joint",
      "learned",
      "by-segment",
    ]);
    expect(all[0]!["aucDifference"]).toBe(null);
    for (const [at, record] of all.entries()) {
      if (at === 0) continue;
      const difference = Number(record["auc"]) - Number(all[at - 1]!["auc"]);
      expect(Number(record["aucDifference"])).toBeCloseTo(difference, 9);
      expect(Number(record["aucDifferenceLow"])).toBeLessThanOrEqual(Number(record["aucDifferenceHigh"]));
    }
  },
  timeoutMs,
);

test(
  "a file of instructions is scored by a bundle: table, figures, report and predictions",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "corella-instructions-"));
    await saveTinyBundle(join(folder, "bundle"), ["llm"]);
    const records = Array.from({ length: 12 }, (_, i) => ({
      instruction: "Will the user like the film?",
      input: i % 4 === 0 ? "" : `Liked: The Old Sea ${i}`,
      output: i % 3 === 0 ? "Yes." : "No.",
    }));
    const file = join(folder, "films.json");
    writeFileSync(file, JSON.stringify(records));
    const out = join(folder, "out.csv");
    const { status, stdout } = evaluate(
      "--bundle",
      join(folder, "bundle"),
      "--instructions",
      file,
      "--scoring",
      "doubleSoftmax",
      "--predictions",
      out,
    );
    expect(status).toBe(0);
    expect(stdout).toContain("LLM alone");
    const figures = join(folder, "evaluation-of-films");
    expect(readdirSync(figures).toSorted()).toEqual(["metrics.csv", "metrics.json", "report.html"]);
    const { rows, count, positives } = JSON.parse(
      readFileSync(join(figures, "metrics.json"), "utf8"),
    ) as Record<string, unknown>;
    expect({ count, positives }).toEqual({ count: 12, positives: 4 });
    const [header, ...lines] = readFileSync(out, "utf8").trim().split("\n");
    expect(header).toBe("record,label,llm");
    const [numbers, labels, probabilities] = [0, 1, 2].map((column) =>
      lines.map((line) => Number(line.split(",")[column])),
    ) as [number[], number[], number[]];
    expect(numbers).toEqual(records.map((_, i) => i + 1));
    expect(labels).toEqual(records.map(({ output }) => (output === "Yes." ? 1 : 0)));
    for (const p of probabilities) expect(Math.abs(p - 0.5)).toBeLessThanOrEqual(0.2311);
    expect(new Set(probabilities).size).toBeGreaterThan(3);
    expect((rows as { auc: { estimate: number } }[])[0]!.auc.estimate).toBeCloseTo(
      auc(Float32Array.from(probabilities), Float32Array.from(labels)),
      6,
    );
  },
  timeoutMs,
);

test.each([
  ["an unknown table", ["--table", "3"], "It is 1, 2, figure1, budget, segments, parts or all."],
  ["seeds of a bundle", ["--seeds", "2"], "[evaluate/options] --seeds says nothing here."],
  [
    "a bundle of a table",
    ["--table", "1", "--bundle", "x"],
    "[evaluate/options] --bundle says nothing here.",
  ],
  ["models of table 2", ["--table", "2", "--models", "FM"], "--models says nothing here."],
  ["shots of a table without TALLRec", ["--table", "budget", "--shots", "16"], "--shots says nothing here."],
  ["sizes of a table of models", ["--table", "1", "--sizes", "16"], "--sizes says nothing here."],
  ["a grid without values", ["--table", "1", "--set-grid", "seed"], "[evaluate/grid]"],
  [
    "a grid of one setting twice",
    "--table 1 --set-grid seed=1,2 --set-grid seed=3 --config configs/movietweetings.yaml".split(" "),
    "[evaluate/grid] seed is given twice.",
  ],
  [
    "a setting that a grid tries",
    "--table 1 --set stages.joint.samples=9 --set-grid stages.joint.samples=1,2".split(" "),
    "[config/set] The values of stages.joint.samples that are tried would take the place of this setting.",
  ],
  [
    "a table of two models of one",
    ["--table", "2", "--set", "recipe=crm-only", "--config", "configs/movietweetings.yaml"],
    "[evaluate/one-model]",
  ],
])(
  "%s is one clear error",
  (_, options, told) => {
    const { status, stderr } = evaluate(...options);
    expect(status).toBe(1);
    expect(stderr).toContain(told);
    expect(stderr).not.toContain("    at ");
  },
  timeoutMs,
);
