import type { GradConfig, Tensor, Tensor4D } from "@tensorflow/tfjs";
import { tf } from "../program/tf.ts";

/**
 * Gradients in place of tfjs' own, which materialise tensors of ones, call pow or keep inputs alive, and one that tfjs lacks.
 * They compute the same and hold on every backend.
 */
const replacements: GradConfig[] = [
  {
    kernelName: "Sum",
    inputsToSave: ["x"],
    gradFunc: (dy, saved, attributes) => {
      const x = saved[0]!;
      return { x: () => tf.broadcastTo(withReducedAxes(dy as Tensor, x, attributes["axis"]), x.shape) };
    },
  },
  {
    kernelName: "Mean",
    inputsToSave: ["x"],
    gradFunc: (dy, saved, attributes) => {
      const x = saved[0]!;
      const expanded = withReducedAxes(dy as Tensor, x, attributes["axis"]);
      const count = x.size / expanded.size;
      return { x: () => tf.broadcastTo(tf.div(expanded, count), x.shape) };
    },
  },
  {
    kernelName: "Rsqrt",
    outputsToSave: [true],
    gradFunc: (dy, saved) => {
      const y = saved[0]!;
      return { x: () => tf.mul(dy as Tensor, tf.mul(tf.mul(tf.square(y), y), -0.5)) };
    },
  },
  {
    kernelName: "Sqrt",
    outputsToSave: [true],
    gradFunc: (dy, saved) => ({ x: () => tf.div(dy as Tensor, tf.mul(saved[0]!, 2)) }),
  },
  {
    // From the output, so that nothing but relu reads its input and onnxruntime merges it into the product before it.
    kernelName: "Relu",
    outputsToSave: [true],
    gradFunc: (dy, saved) => ({ x: () => tf.mul(dy as Tensor, tf.step(saved[0]!)) }),
  },
  {
    kernelName: "Square",
    inputsToSave: ["x"],
    gradFunc: (dy, saved) => ({ x: () => tf.mul(dy as Tensor, tf.mul(saved[0]!, 2)) }),
  },
  {
    // tfjs hands over a tensor in place of a list where there is a single piece, which its own gradients do not expect.
    kernelName: "SplitV",
    gradFunc: (dy, _, attributes) => ({ x: () => tf.concat([dy].flat(), attributes["axis"] as number) }),
  },
  {
    // tfjs has none. A mirrored image is mirrored back.
    kernelName: "FlipLeftRight",
    gradFunc: (dy) => ({ image: () => tf.image.flipLeftRight(dy as Tensor4D) }),
  },
  {
    kernelName: "Unpack",
    gradFunc: (dy, _, attributes) => ({ value: () => tf.stack([dy].flat(), attributes["axis"] as number) }),
  },
];

function withReducedAxes(dy: Tensor, x: Tensor, axis: unknown): Tensor {
  const axes = tf.util.parseAxisParam((axis ?? [...x.shape.keys()]) as number | number[], x.shape);
  return tf.reshape(
    dy,
    x.shape.map((size, i) => (axes.includes(i) ? 1 : size)),
  );
}

/**
 * Puts the replacements into tfjs' registry, which is one for all copies of tfjs in a process. A copy that is loaded
 * later, for example by tfjs-node, registers its own over them, so every trace calls this.
 */
export function useReplacedGradients(): void {
  for (const config of replacements) {
    if (tf.getGradient(config.kernelName) === config) continue;
    if (tf.getGradient(config.kernelName) !== undefined) tf.unregisterGradient(config.kernelName);
    tf.registerGradient(config);
  }
}
