import fc from "fast-check";
import { expect, test } from "vitest";
import { formatMarkdownTable, formatTable, type Evaluation } from "./index.ts";

const interval = (estimate: number, spread = 0.01) => ({
  estimate,
  low: estimate - spread,
  high: estimate + spread,
});

const evaluation: Evaluation = {
  rows: [
    {
      name: "crm",
      title: "CRM",
      auc: interval(0.7585),
      logLoss: interval(0.59),
      accuracy: interval(0.689),
      shareToLlm: 0,
    },
    {
      name: "add-logits",
      title: "CoReLLa",
      auc: interval(0.76),
      logLoss: interval(1.25),
      accuracy: interval(0.7),
      shareToLlm: 0.3,
      versusBaseline: { aucDifference: { ...interval(0.0015, 0.002), pValue: 0.138 }, deLongP: 0.0184 },
    },
  ],
  count: 10_000,
  positives: 5204,
  baseline: "crm",
  samples: 1000,
  seed: 1,
  level: 0.95,
  groupCount: 1204,
};

test("a terminal's table is aligned and says how its intervals were made", () => {
  expect(formatTable(evaluation)).toBe(
    `
model    AUC [95 %]            logloss [95 %]           accuracy [95 %]       to LLM
────────────────────────────────────────────────────────────────────────────────────
CRM      .7585 [.7485, .7685]  .5900 [.5800, .6000]     .6890 [.6790, .6990]  0.0 %
CoReLLa  .7600 [.7500, .7700]  1.2500 [1.2400, 1.2600]  .7000 [.6900, .7100]  30.0 %

10,000 samples, 52.0 % positive; in brackets 95 % intervals, and p, of 1,000 paired bootstrap resamples by
users (1,204), seed 1.

AUC against CRM:
  CoReLLa  +0.0015 [−0.0005, +0.0035], p = 0.138`.trimStart(),
  );
});

test("without shares and baseline there are no columns and lines of them; what has no value is a dash", () => {
  const none = interval(Number.NaN);
  const alone: Evaluation = {
    rows: [{ name: "only", title: "only", auc: none, logLoss: interval(0.5), accuracy: interval(1) }],
    count: 3,
    positives: 3,
    samples: 10,
    seed: 2,
    level: 0.9,
  };
  expect(formatTable(alone).split("\n")[2]).toBe(
    "only   –           .5000 [.4900, .5100]  1.0000 [.9900, 1.0100]",
  );
  expect(formatTable(alone)).not.toContain("against");
  expect(formatTable(alone)).toContain("90 % intervals of 10 paired bootstrap resamples by rows, seed 2.");
  expect(formatMarkdownTable(alone).split("\n")[0]).toBe("| model | AUC | logloss | accuracy |");
});

test("no line is wider than 110 columns, and no name can break out of its line", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 150, unit: "grapheme" }), { minLength: 1 }), (names) => {
      const [crm, corella] = evaluation.rows;
      const rows = [crm!, ...names.map((name) => ({ ...corella!, name }))];
      const text = formatTable({ ...evaluation, rows, baseline: names[0] });
      for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(110);
      expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
      const markdown = formatMarkdownTable({ ...evaluation, rows, baseline: names[0] });
      const lines = markdown.split("\n").slice(0, rows.length + 2);
      for (const line of lines) expect(line.match(/(?<!\\)(?:\\\\)*\|/g)).toHaveLength(7);
    }),
    { numRuns: 50 },
  );
});

test("markdown: a row a model, with special characters as themselves", () => {
  const rows = evaluation.rows.map((row) => ({ ...row, title: `${row.title} | <b>*` }));
  expect(formatMarkdownTable({ ...evaluation, rows })).toBe(
    `| model | AUC | logloss | accuracy | to LLM | AUC against CRM \\| \\<b\\>\\* |
| --- | ---: | ---: | ---: | ---: | ---: |
| CRM \\| \\<b\\>\\* | 0.7585 [0.7485, 0.7685] | 0.5900 [0.5800, 0.6000] | 0.6890 [0.6790, 0.6990] | 0.0 % | – |
| CoReLLa \\| \\<b\\>\\* | 0.7600 [0.7500, 0.7700] | 1.2500 [1.2400, 1.2600] | 0.7000 [0.6900, 0.7100] | 30.0 % | +0.0015 [−0.0005, +0.0035], p = 0.138 |

10,000 samples, 52.0 % positive; in brackets 95 % intervals, and p, of 1,000 paired bootstrap resamples by users (1,204), seed 1.
`,
  );
});
