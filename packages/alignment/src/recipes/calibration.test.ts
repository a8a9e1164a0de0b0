import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  eagerRuntime,
  onnxRuntime,
  within,
  type ParamSpec,
  type Program,
  type Values,
} from "@corella/engine";
import { parseSafetensors, toFloat32 } from "@corella/safetensors";
import { expect, test } from "vitest";
import { calibrationLoss, projectionParams } from "./corella.ts";

/** See goldens/README.md. */
const golden = new Map(
  [
    ...parseSafetensors(readFileSync(join(import.meta.dirname, "../goldens/calibration.safetensors")))
      .tensors,
  ].map(([name, view]) => [name, { shape: view.shape, data: toFloat32(view) }]),
);

const pairs = [0, 1];
const hiddenWidths = { llm: 48, crm: 12 };
const layers = { llmLayers: [1, 2], crmLayers: [1, 2], width: 8, hiddenWidths };

/** `proj_llm.0.weight` -> `projection.llm.0.weight`, `crm_hidden.1` -> `crm.1`, `llm_last.1` -> `llm.1`. */
function ownName(name: string): string {
  return name.replace(/^proj_/, "projection.").replace(/^(crm|llm)_(hidden|last)\./, "$1.");
}

/** The hidden states are parameters, so that they have gradients too. */
function program(power: number): Program {
  const params: Record<string, ParamSpec> = {};
  for (const side of ["llm", "crm"] as const)
    for (const j of pairs)
      params[`${side}.${j}`] = { shape: [3, hiddenWidths[side]], init: { kind: "zeros" } };
  for (const [name, spec] of Object.entries(projectionParams({ ...layers, power })))
    params[`projection.${name}`] = spec;
  return {
    params,
    tables: {},
    inputs: {},
    forward(scope) {
      const projection = within(scope, "projection");
      const llm = pairs.map((j) => scope.param(`llm.${j}`));
      const crm = pairs.map((j) => scope.param(`crm.${j}`));
      // Block 0, the embedding, is not aligned.
      const loss = calibrationLoss({ ...layers, power }, projection.param, [llm[0]!, ...llm], crm);
      return { loss, outputs: {} };
    },
  };
}

const values: Values = {};
for (const [name, { data }] of golden)
  if (/^(proj_|crm_hidden|llm_last)/.test(name)) values[ownName(name)] = data;

for (const runtime of [onnxRuntime(), eagerRuntime("cpu")]) {
  test.each([1, 2])(`L_cal with power %i equals PyTorch's on ${runtime.name}`, async (power) => {
    const run = await runtime.gradients(program(power), values);
    const { loss, gradients } = await run.run({});
    await run.dispose();
    // The golden's own float32 and float64 differ by 1.2e-6 (power 1) and 4.3e-6 (power 2).
    expect(Math.abs(loss - golden.get(`p${power}.loss`)!.data[0]!)).toBeLessThan(2e-5);
    const prefix = `p${power}.grad.`;
    const compared = [...golden.keys()].filter((name) => name.startsWith(prefix));
    expect(compared).toHaveLength(10); // weight and bias of four projections, two states of the CRM
    for (const name of compared) {
      const actual = gradients[ownName(name.slice(prefix.length))]!;
      golden.get(name)!.data.forEach((expected, i) => {
        expect(Math.abs(actual[i]! - expected), `${name}[${i}]`).toBeLessThan(2e-5);
      });
    }
  });
}
