import { loadPredictor, openBundle } from "@corella/bundle";
import { auc } from "@corella/metrics";
import { recordAt } from "@corella/modality";
import { fitRouter } from "@corella/routing";
import { expect, test } from "vitest";
import { probabilitiesOf } from "../predictions.ts";
import { validationRows } from "../scored-rows.ts";
import type { TrainingResult } from "../train.ts";
import { smallConfig, smallRun } from "./small-run.test-helper.ts";

const { warmUp, ...stages } = smallConfig.stages;
const config = {
  ...smallConfig,
  stages: { ...stages, warmUp: { ...warmUp, epochs: 3 } },
  routing: { ...smallConfig.routing, heldOut: 0.4 },
};

/** What the CRM of a run's bundle says of rows. */
async function crmOf({ bundleFolder, data }: TrainingResult, rows: Uint32Array): Promise<number[]> {
  const predictor = await loadPredictor(await openBundle(bundleFolder));
  const answers = await predictor.score(
    Array.from(rows, (row) => recordAt(data.log, row)),
    { policy: { kind: "none" } },
  );
  await predictor.dispose();
  return answers.map(({ pCrm }) => pCrm!);
}

test("a CRM is chosen by rows of which its closing validation figures have none", async () => {
  const { result } = await smallRun({ ...config, recipe: "crm-only" });
  const { choosing, held } = validationRows(config, result.data);
  expect(result.validation!.rows).toEqual(held);
  const score = auc(await crmOf(result, choosing), result.data.labels(choosing));
  expect(result.phases[0]!.best!.score).toBeCloseTo(score, 6);
});

test("the router is fitted on users by whom nothing was chosen, and those alone", async () => {
  const { result } = await smallRun(config);
  const { data, router } = result;
  const { choosing, held } = validationRows(config, data);
  const { rows, labels } = result.validation!;
  expect(rows).toEqual(held);
  const joint = result.phases.find(({ name }) => name === "stage-2")!;
  const score = auc(await crmOf(result, choosing), data.labels(choosing));
  expect(joint.best!.score).toBeCloseTo(score, 6);
  const answers = {
    pCrm: probabilitiesOf(result.validation!, "crm")!,
    pLlm: probabilitiesOf(result.validation!, "llm")!,
    labels,
    users: Array.from(rows, (row) => data.log.user[row]!),
  };
  const { share, mix } = config.routing;
  const { policy, rule } = fitRouter(answers, { share: share as number, mix });
  expect(router).toEqual({ policy, mix: rule });
});

test("a share that leaves nobody to choose by is refused before training", async () => {
  const greedy = { ...config, routing: { ...config.routing, heldOut: 0.999 } };
  await expect(smallRun(greedy)).rejects.toMatchObject({
    code: "config/held-out",
    place: "routing.heldOut",
  });
});
