import type { Optimizer } from "../optimizer/optimizers.ts";
import type { SymbolicNumber } from "../program/dimensions.ts";
import type { Values } from "../program/program.ts";
import type { IdInput } from "../program/row-ids.ts";
import type { StoredMatrix } from "../matrix/quantize.ts";
import type { Backward } from "../runtime/runtime.ts";
import type { GraphConstant, GraphInput, GraphNode, GraphWeight } from "./backend/graph.ts";

/**
 * What a graph computes: the outputs, only the ids that a training step looks up, gradients too, or also the
 * parameters' update.
 */
export type CaptureMode = "infer" | "lookups" | "gradients" | "train";

/** How a program is captured. */
export interface CaptureOptions {
  readonly mode: CaptureMode;
  /** Parameters and tables to differentiate with respect to (gradients, train). */
  readonly trainable: ReadonlySet<string>;
  /** Parameters that become weights of the graph, packed once, with their values; all others are fed at each run. */
  readonly frozen: Values;
  /** Frozen matrices in other precisions than float32. */
  readonly stored?: ReadonlyMap<string, StoredMatrix>;
  /** How the gradient of a product with an int8 matrix is computed. Default exact. */
  readonly backward?: Backward | undefined;
  /** The optimiser of each trainable parameter, for the mode `train`. */
  readonly optimizerOf?: (name: string) => Optimizer;
}

/** A value that a graph gives, with its shape in named dimensions. */
export interface GraphOutput {
  readonly name: string;
  readonly shape: readonly SymbolicNumber[];
  readonly type: "float32" | "int32" | "bool";
}

/** A boolean input of a training graph: which elements a dropout keeps. */
export interface DropoutMask {
  readonly name: string;
  readonly shape: readonly SymbolicNumber[];
  /** Probability of keeping an element, a multiple of 1/256. */
  readonly keep: number;
}

/** A captured program: everything that a graph file holds, and what its runner has to feed and read. */
export interface CapturedGraph {
  readonly nodes: readonly GraphNode[];
  readonly constants: readonly GraphConstant[];
  readonly weights: readonly GraphWeight[];
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutput[];
  readonly masks: readonly DropoutMask[];
  /**
   * The table of each look-up, in the order of the outputs `lookup.<i>.ids` and, but for the mode `lookups`,
   * `lookup.<i>.gradient`.
   */
  readonly lookups: readonly { readonly table: string }[];
  /** Tables that the graph reads, fed as `table.<name>`. */
  readonly tables: readonly string[];
  /** Inputs of ids, whose elements must not be negative. */
  readonly ids: readonly IdInput[];
  /** Parameters with a gradient, in order. */
  readonly differentiated: readonly string[];
  readonly assigned: readonly string[];
}

/** Names the scalars of a step in a graph: parameters with equal optimiser settings share them. */
export function optimizerKey(optimizer: Optimizer): string {
  return JSON.stringify(optimizer).replace(/[^a-zA-Z0-9.-]+/g, "_");
}
