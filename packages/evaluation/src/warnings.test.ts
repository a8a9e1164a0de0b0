import { expect, test } from "vitest";
import { figureWarnings, verdict, type Evaluation, type EvaluationRow } from "./index.ts";

const interval = (estimate: number, spread = 0.01) => ({
  estimate,
  low: estimate - spread,
  high: estimate + spread,
});

function row(
  name: string,
  auc: number,
  logLoss: number,
  further: Partial<EvaluationRow> = {},
): EvaluationRow {
  return {
    name,
    title: name,
    auc: interval(auc),
    logLoss: interval(logLoss),
    accuracy: interval(0.5),
    ...further,
  };
}

const constant = row("constant", 0.5, 0.69, { isSimple: true });
const means = row("user-item-mean", 0.75, 0.6, { title: "user and item means", isSimple: true });

function evaluation(rows: readonly EvaluationRow[], further: Partial<Evaluation> = {}): Evaluation {
  return { rows, count: 100, positives: 50, samples: 10, seed: 1, level: 0.95, ...further };
}

function told(rows: readonly EvaluationRow[]): string[] {
  return figureWarnings(evaluation(rows), "test part", "crm").map(({ message }) => message);
}

test("nothing is said of a model that is better than what needs none", () => {
  expect(told([constant, means, row("crm", 0.8, 0.55)])).toEqual([]);
});

test("worse than a constant, worse than chance, no better than chance, no better than means", () => {
  expect(told([constant, row("crm", 0.37, 1.18), row("llm", 0.6, 0.7)])).toEqual([
    "crm (1.1800) and llm (.7000) are worse than a constant on the test part, whose logloss is .6900.",
    "crm (AUC .3700) ranks the test part worse than chance.",
  ]);
  expect(told([constant, row("crm", 0.505, 0.68)])).toEqual([
    "The AUC of crm on the test part, .5050, cannot be told from guessing: its interval is .4950 to .5150.",
  ]);
  expect(told([constant, means, row("crm", 0.7, 0.62)])).toEqual([
    "crm is no better than the user and item means on the test part: AUC .7000 against .7500, logloss .6200 against .6000.",
  ]);
  // The better order with the worse calibration is something.
  expect(told([constant, means, row("crm", 0.8, 0.62)])).toEqual([]);
});

test("validation and test are far apart where their intervals are, and by more than a little", () => {
  const of = (auc: number, logLoss: number): string[] =>
    told([
      row("crm", 0.7, 0.6, { validation: { count: 9, auc: interval(auc), logLoss: interval(logLoss) } }),
    ]);
  expect(of(0.725, 0.65)).toEqual([]);
  expect(of(0.9, 0.6)).toEqual([
    "Validation and test part are far apart: of crm they have AUC .9000 and .7000.",
  ]);
  expect(of(0.7, 0.3)).toEqual([expect.stringContaining("logloss .3000 and .6000")]);
});

test("the verdict does not flatter, and says what to do next", () => {
  const against = (difference: number): string => {
    const versusBaseline = { aucDifference: { ...interval(difference), pValue: 0.5 }, deLongP: 0.5 };
    const rows = [row("crm", 0.7, 0.6), row("add-logits", 0.7, 0.6, { versusBaseline })];
    return verdict(evaluation(rows, { baseline: "crm" }), "add-logits", false);
  };
  expect(against(0.02)).toMatch(/^CoReLLa is better than the CRM alone \(\+0\.0200 AUC/);
  expect(against(0)).toMatch(/^The LLM makes no difference .* Next: /);
  expect(against(-0.02)).toMatch(/^CoReLLa is worse than the CRM alone .* Next: serve the CRM alone/);
  const alone = verdict(evaluation([constant, means, row("crm", 0.8, 0.5)]), "crm", false);
  expect(alone).toBe(
    "crm has an AUC of .8000: +0.0500 on the best that needs no model (user and item means, .7500).",
  );
});
