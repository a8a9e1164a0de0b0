import { eagerRuntime, initialValues } from "@corella/engine";
import { expect, test } from "vitest";
import { createCrm, crmInferenceProgram, crmModels } from "./index.ts";
import { attentiveFeatures, syntheticBatch } from "./synthetic.test-helper.ts";

const { label: _, ...batch } = syntheticBatch(6, 3);
const runtime = eagerRuntime("cpu");

test.each(Object.keys(crmModels))("%s takes a vector of one number as it takes a number", async (model) => {
  const config = { model, embeddingDim: 4 };
  const asVector = attentiveFeatures.map((feature) =>
    feature.name === "age" ? ({ name: "age", type: "vector", width: 1 } as const) : feature,
  );
  const withNumber = createCrm(config, attentiveFeatures);
  const withVector = createCrm(config, asVector);
  expect(withVector.params).toEqual(withNumber.params);
  const values = initialValues(withNumber, 1);
  // First values are so small that an id hardly shows in a logit.
  for (const name of Object.keys(values))
    if (name in withNumber.tables || name === "lr.age") values[name] = values[name]!.map((x) => 5000 * x);
  const logits = async (part: typeof withNumber, age: number[]): Promise<number[]> => {
    const inference = await runtime.infer(crmInferenceProgram(part), values);
    const { logit } = await inference.run({ ...batch, age: { shape: age, data: batch["age"]!.data } });
    return [...logit!.data];
  };
  const number = await logits(withNumber, [6]);
  for (const [b, logit] of (await logits(withVector, [6, 1])).entries())
    expect(logit).toBeCloseTo(number[b]!, 4);
  batch["age"]!.data.reverse();
  expect(await logits(withVector, [6, 1])).not.toEqual(number); // it is looked at
});
