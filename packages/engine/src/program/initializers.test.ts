import { expect, test } from "vitest";
import { initialize, type Initializer } from "./initializers.ts";
import { createGenerator } from "@corella/random";

const count = 100_000;

interface Moments {
  readonly mean: number;
  readonly std: number;
  readonly smallest: number;
  readonly largest: number;
}

function moments(values: Float32Array): Moments {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const smallest = values.reduce((least, value) => Math.min(least, value));
  const largest = values.reduce((most, value) => Math.max(most, value));
  return { mean, std: Math.sqrt(variance), smallest, largest };
}

/** Of 10^5 numbers, where an assertion on the arrays takes a second. */
function sameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer).equals(Buffer.from(b.buffer));
}

/** Shape [250, 400]: fan in 400, fan out 250. */
const shape = [250, 400];

/** Mean, standard deviation and bounds by the definitions of torch.nn.init; std of U(-a, a) is a / sqrt(3). */
const cases: readonly {
  readonly init: Initializer;
  readonly mean?: number;
  readonly std: number;
  readonly limits?: readonly [number, number];
}[] = [
  { init: { kind: "normal", std: 0.5 }, std: 0.5 },
  { init: { kind: "normal", std: 0.5, mean: 3 }, mean: 3, std: 0.5 },
  { init: { kind: "uniform", limit: 0.3 }, std: 0.3 / Math.sqrt(3), limits: [-0.3, 0.3] },
  { init: { kind: "uniform", low: 1, high: 3 }, mean: 2, std: 1 / Math.sqrt(3), limits: [1, 3] },
  // Var of N(0, 1) within +-2: 1 - 2 * 2 phi(2) / (2 Phi(2) - 1) = 1 - 4 * 0.05399097 / 0.95449974.
  {
    init: { kind: "truncatedNormal", std: 1 },
    std: Math.sqrt(1 - (4 * 0.05399097) / 0.95449974),
    limits: [-2, 2],
  },
  // Half a normal: mean sqrt(2/pi) std, variance (1 - 2/pi) std^2.
  {
    init: { kind: "truncatedNormal", std: 0.1, low: 0, high: 10 },
    mean: 0.1 * Math.sqrt(2 / Math.PI),
    std: 0.1 * Math.sqrt(1 - 2 / Math.PI),
    limits: [0, Number.POSITIVE_INFINITY],
  },
  { init: { kind: "xavierNormal" }, std: Math.sqrt(2 / 650) },
  {
    init: { kind: "xavierUniform" },
    std: Math.sqrt(2 / 650),
    limits: [-Math.sqrt(6 / 650), Math.sqrt(6 / 650)],
  },
  { init: { kind: "xavierNormal", fanIn: 10, fanOut: 40 }, std: 0.2 },
  { init: { kind: "kaimingUniform" }, std: 1 / 20 / Math.sqrt(3), limits: [-1 / 20, 1 / 20] },
  {
    init: { kind: "kaimingUniform", nonlinearity: "relu" },
    std: Math.sqrt(2 / 400),
    limits: [-Math.sqrt(6 / 400), Math.sqrt(6 / 400)],
  },
  {
    init: { kind: "kaimingUniform", nonlinearity: "linear", mode: "fanOut" },
    std: Math.sqrt(1 / 250),
    limits: [-Math.sqrt(3 / 250), Math.sqrt(3 / 250)],
  },
  { init: { kind: "kaimingNormal", nonlinearity: "relu" }, std: Math.sqrt(2 / 400) },
  { init: { kind: "kaimingNormal", nonlinearity: "tanh", mode: "fanOut" }, std: 5 / 3 / Math.sqrt(250) },
  { init: { kind: "kaimingNormal", nonlinearity: "selu" }, std: 3 / 4 / 20 },
  { init: { kind: "kaimingNormal", nonlinearity: { leakyRelu: 0.5 } }, std: Math.sqrt(2 / 1.25) / 20 },
  { init: { kind: "kaimingNormal" }, std: Math.sqrt(2 / 6) / 20 },
];

for (const { init, mean = 0, std, limits = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] } of cases) {
  test(`${JSON.stringify(init)}: mean, deviation, bounds, and the same bits again`, () => {
    const values = initialize(init, shape, 11, "weight");
    const seen = moments(values);
    // Five standard errors: std / sqrt(n) of the mean; of the deviation at most std / sqrt(2 n), as of a normal one.
    expect(Math.abs(seen.mean - mean)).toBeLessThan((5 * std) / Math.sqrt(count));
    expect(Math.abs(seen.std - std)).toBeLessThan((5 * std) / Math.sqrt(2 * count));
    expect(seen.smallest).toBeGreaterThanOrEqual(Math.fround(limits[0]));
    expect(seen.largest).toBeLessThanOrEqual(Math.fround(limits[1]));
    if (Number.isFinite(limits[1])) expect(seen.largest).toBeGreaterThan(limits[1] * 0.99);
    expect(sameBits(initialize(init, shape, 11, "weight"), values)).toBe(true);
    expect(sameBits(initialize(init, shape, 12, "weight"), values)).toBe(false);
    expect(sameBits(initialize(init, shape, 11, "other"), values)).toBe(false);
  });
}

test("the fast fills give the bits of the generator", () => {
  for (const [size, scale] of [
    [300_001, 0.01],
    [1025, 3],
    [1, 1],
    // Subnormal float32.
    [5000, 1e-41],
  ] as const) {
    const normal = createGenerator(5, "init/w");
    const uniform = createGenerator(5, "init/w");
    const slowNormal = Float32Array.from({ length: size }, () => normal.normal() * scale);
    expect(sameBits(initialize({ kind: "normal", std: scale }, [size], 5, "w"), slowNormal)).toBe(true);
    const slowUniform = Float32Array.from({ length: size }, () => (2 * uniform.uniform() - 1) * scale);
    expect(sameBits(initialize({ kind: "uniform", limit: scale }, [size], 5, "w"), slowUniform)).toBe(true);
  }
});

for (const [rows, columns] of [
  [20, 30],
  [30, 20],
] as const) {
  test(`orthogonal [${rows}, ${columns}]: the products of the shorter side's vectors are gain^2 I`, () => {
    const values = initialize({ kind: "orthogonal", gain: 2 }, [rows, columns / 2, 2], 3, "w");
    const at = (i: number, j: number): number =>
      rows < columns ? values[i * columns + j]! : values[j * columns + i]!;
    for (let a = 0; a < 20; a++) {
      for (let b = 0; b < 20; b++) {
        let product = 0;
        for (let j = 0; j < 30; j++) product += at(a, j) * at(b, j);
        expect(product).toBeCloseTo(a === b ? 4 : 0, 5);
      }
    }
  });
}

test("what cannot be drawn is refused", () => {
  expect(() => initialize({ kind: "truncatedNormal", std: 1, low: 5, high: 6 }, [2], 1, "w")).toThrow(
    expect.objectContaining({ code: "engine/initializer", place: "w" }),
  );
  expect(() => initialize({ kind: "orthogonal" }, [4], 1, "w")).toThrow(/no rows/);
});
