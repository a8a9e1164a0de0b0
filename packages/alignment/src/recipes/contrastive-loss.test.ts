import { eagerRuntime, onnxRuntime, within, type Program, type Values } from "@corella/engine";
import { expect, test } from "vitest";
import { contrastiveLoss, contrastiveParams } from "./contrastive-loss.ts";
import { golden } from "./goldens.test-helper.ts";

const recorded = golden("contrastive");

/** What the towers say are parameters, so that they have gradients too. */
function program(
  { subspaces, normalise = "none" }: { subspaces: number; normalise?: "batchNorm" | "none" },
  [batch, text, crm]: readonly [number, number, number],
): Program {
  const of = { width: 4, temperature: 0.7, subspaces, normalise };
  const params = contrastiveParams(of, { text, crm });
  return {
    params: {
      text: { shape: [batch, text], init: { kind: "zeros" } },
      crm: { shape: [batch, crm], init: { kind: "zeros" } },
      ...Object.fromEntries(Object.entries(params).map(([name, spec]) => [`projection.${name}`, spec])),
    },
    tables: {},
    inputs: {},
    forward(scope) {
      const { param } = within(scope, "projection");
      return {
        loss: contrastiveLoss(of, param, scope.param("text"), scope.param("crm")),
        outputs: {},
      };
    },
  };
}

for (const runtime of [onnxRuntime(), eagerRuntime("cpu")]) {
  test.each([1, 3])(
    `the contrastive loss with %i subspaces and all gradients equal the recorded ones on ${runtime.name}`,
    async (subspaces) => {
      const of = (name: string) => recorded.get(`${subspaces}/${name}`)!;
      const values: Values = {};
      for (const [name, { data }] of recorded) {
        const own = name.slice(2);
        if (name.startsWith(`${subspaces}/`) && !own.startsWith("gradient/") && own !== "loss")
          values[own] = data;
      }
      const sizes = [of("text").shape[0]!, of("text").shape[1]!, of("crm").shape[1]!] as const;
      const run = await runtime.gradients(program({ subspaces }, sizes), values);
      const { loss, gradients } = await run.run({});
      await run.dispose();
      expect(Math.abs(loss / of("loss").data[0]! - 1)).toBeLessThan(1e-5);
      expect(Object.keys(gradients)).toHaveLength(6);
      for (const [name, actual] of Object.entries(gradients)) {
        const expected = of(`gradient/${name}`).data;
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expected.forEach((value, i) => {
          expect(Math.abs(actual[i]! - value), `${name}[${i}]`).toBeLessThan(2e-5 * largest);
        });
      }
    },
  );
}

test("normalised, what all texts have in common and the scale of the CRM's states make no difference", async () => {
  const of = (name: string) => recorded.get(`3/${name}`)!;
  const sizes = [of("text").shape[0]!, of("text").shape[1]!, of("crm").shape[1]!] as const;
  const lossWith = async (values: Values): Promise<number> => {
    const run = await onnxRuntime().gradients(
      program({ subspaces: 3, normalise: "batchNorm" }, sizes),
      values,
    );
    const { loss } = await run.run({});
    await run.dispose();
    return loss;
  };
  const values: Values = {};
  for (const name of [
    "text",
    "crm",
    ...["text", "crm"].flatMap((side) => [`projection.${side}.weight`, `projection.${side}.bias`]),
  ])
    values[name] = of(name).data;
  const moved = {
    ...values,
    text: (values["text"] as Float32Array).map((value, i) => value + 5 * (i % sizes[1])),
    crm: (values["crm"] as Float32Array).map((value) => value * 1e-3),
  };
  const [loss, same] = [await lossWith(values), await lossWith(moved)];
  expect(Math.abs(same - loss)).toBeLessThan(1e-4);
  expect(Math.abs(loss - of("loss").data[0]!)).toBeGreaterThan(1e-2);
});
