/** The first principal components of rows, and how much of the variance they keep. */
export interface Components {
  /** Of each row, [rows, components]: uncorrelated, mean 0, the one of most variance first. */
  readonly scores: Float32Array;
  /** Directions of length 1, [components, width]; the sign is such that the largest entry is positive. */
  readonly directions: Float64Array;
  /** Variance along each direction. */
  readonly variances: Float64Array;
  /** Share of the rows' variance that the components keep. */
  readonly kept: number;
}

/**
 * Principal component analysis by the eigenvectors of the covariance matrix; O(rows width^2 + width^3).
 * @param values [rows, width], finite
 * @param count of components, at most `width`
 */
export function principalComponents(values: Float32Array, width: number, count: number): Components {
  const rows = values.length / width;
  const mean = new Float64Array(width);
  for (let i = 0; i < values.length; i++) mean[i % width]! += values[i]! / rows;
  const covariance = covarianceOf(values, width, mean);
  const { eigenvalues, eigenvectors } = symmetricEigen(covariance, width);
  const order = [...eigenvalues.keys()].sort((a, b) => eigenvalues[b]! - eigenvalues[a]!).slice(0, count);
  const directions = new Float64Array(count * width);
  for (const [k, from] of order.entries()) {
    const vector = eigenvectors.subarray(from * width, (from + 1) * width);
    const largest = vector.reduce((most, entry) => (Math.abs(entry) > Math.abs(most) ? entry : most), 0);
    for (let j = 0; j < width; j++) directions[k * width + j] = largest < 0 ? -vector[j]! : vector[j]!;
  }
  const scores = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < count; k++) {
      let sum = 0;
      for (let j = 0; j < width; j++)
        sum += (values[row * width + j]! - mean[j]!) * directions[k * width + j]!;
      scores[row * count + k] = sum;
    }
  }
  const variances = Float64Array.from(order, (from) => eigenvalues[from]!);
  const total = eigenvalues.reduce((sum, value) => sum + value, 0);
  return { scores, directions, variances, kept: variances.reduce((sum, value) => sum + value, 0) / total };
}

/** [width, width], of the population of rows. */
function covarianceOf(values: Float32Array, width: number, mean: Float64Array): Float64Array {
  const rows = values.length / width;
  const covariance = new Float64Array(width * width);
  const centred = new Float64Array(width);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < width; j++) centred[j] = values[row * width + j]! - mean[j]!;
    for (let i = 0; i < width; i++) {
      const factor = centred[i]! / rows;
      for (let j = 0; j <= i; j++) covariance[i * width + j]! += factor * centred[j]!;
    }
  }
  for (let i = 0; i < width; i++)
    for (let j = 0; j < i; j++) covariance[j * width + i] = covariance[i * width + j]!;
  return covariance;
}

/** Sweeps after which Jacobi's method has converged to rounding for any matrix here; some eight are usual. */
const mostSweeps = 60;

/**
 * Eigenvalues, in no order, and eigenvectors as rows of a symmetric matrix, by Jacobi's cyclic rotations. The matrix is
 * overwritten. Source: Golub and Van Loan, Matrix Computations, 4th ed., section 8.5.
 */
export function symmetricEigen(
  matrix: Float64Array,
  size: number,
): { eigenvalues: Float64Array; eigenvectors: Float64Array } {
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    const negligible = 1e-15 * Math.sqrt(squares(matrix, size, true) / size);
    if (squares(matrix, size, false) <= negligible * negligible) break;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const off = matrix[p * size + q]!;
        if (Math.abs(off) <= negligible / size) continue;
        const theta = (matrix[q * size + q]! - matrix[p * size + p]!) / (2 * off);
        const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const cosine = 1 / Math.hypot(tangent, 1);
        rotate(matrix, size, [p, q], [cosine, tangent * cosine]);
        rotateRows(vectors, size, [p, q], [cosine, tangent * cosine]);
      }
    }
  }
  return {
    eigenvalues: Float64Array.from({ length: size }, (_, i) => matrix[i * size + i]!),
    eigenvectors: vectors,
  };
}

type Pair = readonly [number, number];

/** J' A J for the rotation J of two axes: rows, then columns. */
function rotate(matrix: Float64Array, size: number, axes: Pair, rotation: Pair): void {
  const [p, q] = axes;
  const [cosine, sine] = rotation;
  rotateRows(matrix, size, axes, rotation);
  for (let i = 0; i < size; i++) {
    const a = matrix[i * size + p]!;
    const b = matrix[i * size + q]!;
    matrix[i * size + p] = cosine * a - sine * b;
    matrix[i * size + q] = sine * a + cosine * b;
  }
}

function rotateRows(matrix: Float64Array, size: number, [p, q]: Pair, [cosine, sine]: Pair): void {
  for (let j = 0; j < size; j++) {
    const a = matrix[p * size + j]!;
    const b = matrix[q * size + j]!;
    matrix[p * size + j] = cosine * a - sine * b;
    matrix[q * size + j] = sine * a + cosine * b;
  }
}

/** The sum of squares of all entries, or of those beside the diagonal. */
function squares(matrix: Float64Array, size: number, diagonal: boolean): number {
  let sum = 0;
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) if (diagonal || i !== j) sum += matrix[i * size + j]! ** 2;
  return sum;
}
