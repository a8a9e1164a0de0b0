export interface Test {
  /** Relative to tfjs-core's `dist`, without `_test.js`: `ops/conv2d`. */
  readonly file: string;
  readonly name: string;
  /** Source of the test. */
  readonly body: string;
}

interface Exclusion {
  readonly reason: string;
  readonly files?: RegExp;
  readonly names?: RegExp;
  readonly bodies?: RegExp;
}

/** Tests that are not run, and why. The first reason that fits counts. */
const exclusions: readonly Exclusion[] = [
  {
    reason: "plumbing of tfjs-core (files, platforms, registries, debugging): no kernel is tested",
    files: /^(?!ops\/|optimizers\/|gradients$|tensor$|variable$)/,
  },
  {
    reason: "plumbing of tfjs-core: functions on shapes and arrays in JavaScript",
    files: /_util$|^ops\/operation$|^ops\/rand$/,
  },
  {
    reason: "text: graphs hold numbers",
    files: /^ops\/string\//,
  },
  {
    reason: "text: graphs hold numbers",
    names: /^(?!.* throws (error )?(for|when)).*\bstrings?\b/i,
  },
  {
    reason: "text: graphs hold numbers",
    bodies: /["']string["']/,
  },
  {
    reason: "complex numbers and Fourier transforms",
    files: /^ops\/(spectral\/|complex_ops|ifft|signal\/stft)/,
  },
  {
    reason: "complex numbers and Fourier transforms",
    bodies: /complex\(|complex64/,
  },
  {
    reason: "images: pixels, resizing, boxes, morphology",
    files: /^ops\/(image\/(?!flip_left_right$)|from_pixels|to_pixels|draw|dilation2d)/,
  },
  {
    reason: "3-D convolution and pooling",
    files: /^ops\/(conv3d|conv3d_transpose|avg_pool_3d|max_pool_3d)$/,
  },
  {
    reason: "sparse and ragged tensors",
    files: /^ops\/(sparse\/|ragged_)/,
  },
  {
    reason: "the result's shape depends on numbers, and a graph is written before there are any",
    files: /^ops\/unique$/,
  },
  {
    reason: "random numbers: a graph draws none, so that runs can be repeated",
    files: /^ops\/multinomial$/,
  },
  {
    reason: "matrix decomposition",
    files: /^ops\/linalg\/qr$/,
  },
];

/** Why a test is not run; undefined for those that are. */
export function exclusionOf({ file, name, body }: Test): string | undefined {
  return exclusions.find(
    ({ files, names, bodies }) =>
      (files === undefined || files.test(file)) &&
      (names === undefined || names.test(name)) &&
      (bodies === undefined || bodies.test(body)),
  )?.reason;
}

/** Tests that fail, and why: whatever else fails is an error. */
export const knownFailures: ReadonlyMap<string, string> = new Map([
  ["exp int32", "exp(10) is one float32 beside the nearest one: 0.001002 off, where 0.001 is allowed"],
  [
    "tan numbers exceed float32 precision",
    "tan near a pole is one float32, 0.00195, off, where 0.001 is allowed",
  ],
  [
    "gather throws when index is out of bound",
    "indices are numbers: onnxruntime reports them when the graph runs",
  ],
  [
    "broadcastArgs ([1,2], [1,3]) -> error",
    "shapes that are numbers of the graph are not checked at capture",
  ],
]);
