import type { Tensor } from "@tensorflow/tfjs";
import { tf } from "../program/tf.ts";

type Tape = ReturnType<typeof tf.engine>["state"]["activeTape"];

/** A part of a program that the backward pass computes again. */
export interface RecomputedPart {
  /** float32 */
  readonly inputs: readonly Tensor[];
  /** Computes the part in the forward pass. */
  first(): Tensor;
  /**
   * Computes the part for the gradient.
   * @param certain true, once the gradient of the part's result is known
   */
  again(inputs: readonly Tensor[], certain: Tensor): Tensor;
}

/** The recomputed parts of one trace. */
export interface Recomputation {
  /** Computes a part, whose inputs alone are kept until the backward pass. */
  run(part: RecomputedPart): Tensor;
  /** Keeps the tensors of the current tfjs scope, which the parts of it may use again; to be called before it ends. */
  keepScope(result: Tensor | undefined): void;
  /** Frees what was kept, once all gradients are known. */
  dispose(): void;
}

/**
 * Recomputation of activations (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): of a part, only its
 * inputs are kept for the backward pass, which computes the part anew.
 * @param variables what the program is differentiated with respect to
 */
export function recomputation(variables: readonly Tensor[]): Recomputation {
  /** What the tape that is now recorded is differentiated with respect to. */
  let current = variables;
  let hasParts = false;
  let kept: Tensor[] = [];

  const keepScope = (result: Tensor | undefined): void => {
    if (!hasParts) return;
    for (const tensor of tf.engine().state.activeScope.track)
      if (tensor !== result && !tensor.kept && !tensor.isDisposed) kept.push(tf.keep(tensor));
  };

  const first = (part: RecomputedPart): { value: Tensor; used: Tensor[] } => {
    const { state } = tf.engine();
    const outer = state.activeTape;
    const depending = dependents(outer, current);
    // The tape of the part tells what it uses; nothing of it is needed besides.
    state.activeTape = [];
    try {
      const value = tf.tidy(() => part.first());
      const used = takenFrom(state.activeTape).filter(
        (tensor) => depending.has(tensor.id) && !part.inputs.includes(tensor),
      );
      return { value, used };
    } finally {
      for (const { saved } of state.activeTape) tf.dispose(saved ?? []);
      state.activeTape = outer;
    }
  };

  /** Gradients of the inputs and of what the part uses. */
  const backward = (
    part: RecomputedPart,
    inputs: readonly Tensor[],
    used: readonly Tensor[],
    dy: Tensor,
  ): Tensor[] => {
    const { state } = tf.engine();
    const outer = { tape: state.activeTape, current, hasParts, kept };
    const certain = alwaysTrue(dy);
    // Times 1 leaves every number as it is, -0 and NaN included.
    const later = inputs.map((x) => tf.mul(x, tf.cast(certain, "float32")));
    current = [...later, ...used];
    hasParts = false;
    kept = [];
    try {
      const { grads } = tf.engine().gradients(
        () => {
          const value = part.again(later, certain);
          keepScope(value);
          return value;
        },
        [...current],
        dy,
        true,
      );
      return current.map((x, i) => (grads[i] as Tensor | undefined) ?? tf.zerosLike(x));
    } finally {
      tf.dispose(kept);
      state.activeTape = outer.tape;
      ({ current, hasParts, kept } = outer);
    }
  };

  return {
    run(part) {
      hasParts = true;
      const { value, used } = first(part);
      const inputs = [...part.inputs];
      const joined = tf.customGrad((...args: unknown[]) => {
        const save = args.at(-1) as (tensors: Tensor[]) => void;
        save(inputs);
        return {
          value: tf.clone(value),
          gradFunc: (dy: Tensor, saved: Tensor[]) => tf.tidy(() => backward(part, saved, used, dy)),
        };
      });
      return joined(...inputs, ...used);
    },
    keepScope,
    dispose: () => tf.dispose(kept),
  };
}

/** Tensors of a tape that were not made on it. */
function takenFrom(tape: Tape): Tensor[] {
  const made = new Set(tape.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const inputs = tape.flatMap((node) => Object.values(node.inputs));
  return [...new Set(inputs.filter(({ id }) => !made.has(id)))];
}

/** Ids of the tensors of a tape that depend on the variables, these included. */
function dependents(tape: Tape, variables: readonly Tensor[]): Set<number> {
  const depending = new Set(variables.map(({ id }) => id));
  for (const { inputs, outputs } of tape) {
    if (Object.values(inputs).some(({ id }) => depending.has(id)))
      for (const { id } of outputs) depending.add(id);
  }
  return depending;
}

/**
 * True, computed from a gradient. What is computed again depends on it: a runtime that merges equal computations would
 * otherwise find them done already and keep the first ones, or do them before their time.
 */
function alwaysTrue(gradient: Tensor): Tensor {
  const element = tf.slice(tf.reshape(gradient, [-1]), [0], [1]);
  return tf.logicalNot(tf.less(tf.reshape(element, []), -Infinity));
}
