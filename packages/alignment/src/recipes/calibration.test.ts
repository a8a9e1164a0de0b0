import {
  eagerRuntime,
  initialValues,
  onnxRuntime,
  within,
  type ParamSpec,
  type Program,
  type Values,
} from "@corella/engine";
import { describe, expect, test } from "vitest";
import type { AlignedLayers } from "./aligned-layers.ts";
import { calibrationLoss, projectionParams } from "./calibration-loss.ts";
import { golden } from "./goldens.test-helper.ts";

const pairs = [0, 1];
const runtimes = [onnxRuntime(), eagerRuntime("cpu")];
const plain = {
  llmLayers: [1, 2],
  crmLayers: [1, 2],
  width: 8,
  pooling: "last",
  normalise: "none",
  distance: "euclidean",
  power: 2,
  temperature: 1,
} as const;

/** The hidden states are parameters, so that they have gradients too. */
function program(aligned: AlignedLayers, rows: number): Program {
  const { hiddenWidths } = aligned;
  const params: Record<string, ParamSpec> = {};
  for (const j of pairs) {
    params[`llm.${j}`] = { shape: [rows, hiddenWidths.llm], init: { kind: "zeros" } };
    params[`crm.${j}`] = { shape: [rows, hiddenWidths.crm[j]!], init: { kind: "zeros" } };
  }
  for (const [name, spec] of Object.entries(projectionParams(aligned))) params[`projection.${name}`] = spec;
  return {
    params,
    tables: {},
    inputs: {},
    forward(scope) {
      const projection = within(scope, "projection");
      const llm = pairs.map((j) => scope.param(`llm.${j}`));
      const crm = pairs.map((j) => scope.param(`crm.${j}`));
      // Block 0, the embedding, is not aligned.
      const loss = calibrationLoss(aligned, projection.param, [llm[0]!, ...llm], crm);
      return { loss, outputs: { calibration: loss } };
    },
  };
}

describe("the plain equation", () => {
  const recorded = golden("calibration");
  /** `proj_llm.0.weight` -> `projection.llm.0.weight`, `crm_hidden.1` -> `crm.1`, `llm_last.1` -> `llm.1`. */
  const ownName = (name: string): string =>
    name.replace(/^proj_/, "projection.").replace(/^(crm|llm)_(hidden|last)\./, "$1.");
  const values: Values = {};
  for (const [name, { data }] of recorded)
    if (/^(proj_|crm_hidden|llm_last)/.test(name)) values[ownName(name)] = data;

  for (const runtime of runtimes) {
    test.each([1, 2])(`L_cal with power %i equals PyTorch's on ${runtime.name}`, async (power) => {
      const aligned = { ...plain, power, hiddenWidths: { llm: 48, crm: [12, 12] } };
      const run = await runtime.gradients(program(aligned, 3), values);
      const { loss, gradients } = await run.run({});
      await run.dispose();
      // The golden's own float32 and float64 differ by 1.2e-6 (power 1) and 4.3e-6 (power 2).
      expect(Math.abs(loss - recorded.get(`p${power}.loss`)!.data[0]!)).toBeLessThan(2e-5);
      const prefix = `p${power}.grad.`;
      const compared = [...recorded.keys()].filter((name) => name.startsWith(prefix));
      expect(compared).toHaveLength(10); // weight and bias of four projections, two states of the CRM
      for (const name of compared) {
        const actual = gradients[ownName(name.slice(prefix.length))]!;
        recorded.get(name)!.data.forEach((expected, i) => {
          expect(Math.abs(actual[i]! - expected), `${name}[${i}]`).toBeLessThan(2e-5);
        });
      }
    });
  }
});

const recorded = golden("calibration-variants");
const temperature = recorded.get("temperature")!.data[0]!;
const hiddenWidths = { llm: 16, crm: [12, 7] };
const variants: readonly [name: string, aligned: AlignedLayers][] = (["none", "layerNorm"] as const).flatMap(
  (normalise) =>
    (["euclidean1", "euclidean1.5", "euclidean2", "cosine", "contrastive"] as const).map(
      (kind): [string, AlignedLayers] => [
        `${normalise}/${kind}`,
        {
          ...plain,
          temperature,
          hiddenWidths,
          normalise,
          distance: kind.startsWith("euclidean") ? "euclidean" : (kind as "cosine" | "contrastive"),
          power: Number(/[\d.]+$/.exec(kind)?.[0] ?? 2),
        },
      ],
    ),
);

/** The golden's states and projections, the states of one side times a factor. */
function valuesOf({ llm = 1, crm = 1 } = {}): Values {
  const factors: Readonly<Record<string, number>> = { llm, crm };
  const values: Values = {};
  for (const [name, { data }] of recorded)
    if (/^(llm|crm|projection)\./.test(name))
      values[name] = data.map((value) => value * (factors[name.split(".")[0]!] ?? 1));
  return values;
}

for (const runtime of runtimes) {
  test.each(variants)(
    `L_cal as %s and all gradients equal PyTorch's on ${runtime.name}`,
    async (name, aligned) => {
      const run = await runtime.gradients(program(aligned, 5), valuesOf());
      const { loss, gradients } = await run.run({});
      await run.dispose();
      const expectedLoss = recorded.get(`${name}/loss`)!.data[0]!;
      expect(Math.abs(loss / expectedLoss - 1)).toBeLessThan(1e-6);
      // Weights and biases of four projections, and four states.
      expect(Object.keys(gradients)).toHaveLength(12);
      for (const [of, actual] of Object.entries(gradients)) {
        const expected = recorded.get(`${name}/${of}`)!.data;
        const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
        expected.forEach((value, i) => {
          expect(Math.abs(actual[i]! - value), `${of}[${i}]`).toBeLessThan(1e-5 * largest);
        });
      }
    },
  );
}

async function lossOf(aligned: AlignedLayers, values: Values): Promise<number> {
  const run = await eagerRuntime("cpu").infer(program(aligned, 5), values);
  const { calibration } = await run.run({});
  await run.dispose();
  return calibration!.data[0]!;
}

test.each(variants.filter(([, { normalise }]) => normalise === "layerNorm"))(
  "L_cal as %s does not depend on the scale of hidden states",
  async (_, aligned) => {
    const loss = await lossOf(aligned, valuesOf());
    for (const scale of [{ llm: 10 }, { llm: 1000 }, { crm: 10 }, { crm: 0.02 }])
      expect(Math.abs((await lossOf(aligned, valuesOf(scale))) / loss - 1)).toBeLessThan(1e-3);
  },
);

test("the plain equation does depend on it", async () => {
  const aligned = { ...plain, hiddenWidths };
  const ratio = (await lossOf(aligned, valuesOf({ llm: 10 }))) / (await lossOf(aligned, valuesOf()));
  expect(ratio).toBeGreaterThan(99);
});

test.each([
  [16, [8, 400]],
  [576, [240, 240]],
])(
  "untrained projections of blocks of width %i and layers of %j are about as far apart as vectors of norm 1",
  async (llm, crm) => {
    const aligned: AlignedLayers = {
      ...plain,
      normalise: "layerNorm",
      width: 64,
      hiddenWidths: { llm, crm },
    };
    const values = { ...initialValues(program(aligned, 5), 3) };
    for (const j of pairs) {
      values[`llm.${j}`] = Float32Array.from({ length: 5 * llm }, (_, i) => 9000 * Math.sin(i * (j + 2)));
      values[`crm.${j}`] = Float32Array.from({ length: 5 * crm[j]! }, (_, i) => Math.cos(i * i + j));
    }
    const loss = await lossOf(aligned, values);
    expect(loss / pairs.length).toBeGreaterThan(1.2);
    expect(loss / pairs.length).toBeLessThan(2.8);
  },
);
