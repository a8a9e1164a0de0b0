import { createGenerator } from "@corella/random";
import { expect, test } from "vitest";
import { principalComponents, symmetricEigen } from "./principal-components.ts";

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

test("of a matrix of two, by hand", () => {
  // [[2, 1], [1, 2]]: 3 along (1, 1), 1 along (1, -1).
  const { eigenvalues, eigenvectors } = symmetricEigen(Float64Array.of(2, 1, 1, 2), 2);
  const largest = eigenvalues[0]! > eigenvalues[1]! ? 0 : 1;
  expect(eigenvalues[largest]!).toBeCloseTo(3, 12);
  expect(eigenvalues[1 - largest]!).toBeCloseTo(1, 12);
  expect(Math.abs(dot(eigenvectors.subarray(2 * largest, 2 * largest + 2), [1, 1]))).toBeCloseTo(
    Math.SQRT2,
    12,
  );
});

test("a symmetric matrix is what its eigenvalues and orthonormal eigenvectors say", () => {
  const size = 24;
  const random = createGenerator(1, "matrix");
  const matrix = new Float64Array(size * size);
  // Of rank 20: four eigenvalues are 0.
  for (let k = 0; k < 20; k++) {
    const vector = Float64Array.from({ length: size }, () => random.normal());
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) matrix[i * size + j]! += (k - 9.5) * vector[i]! * vector[j]!;
  }
  const { eigenvalues, eigenvectors } = symmetricEigen(matrix.slice(), size);
  const row = (i: number): Float64Array => eigenvectors.subarray(i * size, (i + 1) * size);
  const scale = Math.max(...eigenvalues.map(Math.abs));
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      expect(dot(row(i), row(j))).toBeCloseTo(i === j ? 1 : 0, 12);
      const rebuilt = eigenvalues.reduce((sum, value, k) => sum + value * row(k)[i]! * row(k)[j]!, 0);
      expect(Math.abs(rebuilt - matrix[i * size + j]!) / scale).toBeLessThan(1e-12);
    }
  }
});

test("components are uncorrelated, ordered, and find the plane that points lie in", () => {
  const random = createGenerator(2, "points");
  const [rows, width] = [300, 6];
  const axes = [
    [3, 0, 0, 4, 0, 0],
    [0, 0.5, 0, 0, 0, -1.2],
  ];
  const values = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const [a, b] = [2 * random.normal(), random.normal()];
    for (let j = 0; j < width; j++) values[row * width + j] = 7 + a * axes[0]![j]! + b * axes[1]![j]!;
  }
  const { scores, directions, variances, kept } = principalComponents(values, width, 2);
  expect(kept).toBeCloseTo(1, 6);
  expect(Math.abs(dot(directions.subarray(0, width), axes[0]!)) / 5).toBeGreaterThan(0.999);
  for (const k of [0, 1])
    expect(Math.max(...directions.subarray(k * width, (k + 1) * width))).toBeGreaterThan(0.5);
  const column = (k: number): number[] => Array.from({ length: rows }, (_, row) => scores[2 * row + k]!);
  for (const k of [0, 1]) {
    expect(dot(column(k), column(k).fill(1)) / rows).toBeCloseTo(0, 4);
    expect(dot(column(k), column(k)) / rows / variances[k]!).toBeCloseTo(1, 4);
  }
  expect(dot(column(0), column(1)) / rows).toBeCloseTo(0, 3);
  expect(variances[0]!).toBeGreaterThan(variances[1]!);
});
