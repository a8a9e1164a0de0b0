import type { Batch, Output, Program, ValueReader, Values } from "../program/program.ts";
import type { Optimizer } from "../optimizer/optimizers.ts";

/**
 * Turns programs into something that runs. Every runtime gives the same numbers within float rounding.
 *
 * Runs of one inference, gradient run or trainer take turns: those called before the last has ended wait for it.
 * After `dispose`, which waits for all, everything is an error `engine/disposed`.
 */
export interface Runtime {
  /** For reports, such as `onnxruntime`. */
  readonly name: string;
  /** Forward only. From a reader, weights are read once, and again for `exportOnnx`; the runtime alone keeps them. */
  infer(program: Program, values: Values | ValueReader, options?: InferOptions): Promise<Inference>;
  /** Forward and backward, without an update. */
  gradients(program: Program, values: Values, options?: GradientOptions): Promise<GradientRun>;
  /** Forward, backward and update. */
  train(program: Program, options: TrainOptions): Promise<Trainer>;
}

/**
 * How a frozen matrix is stored. `float16` halves a file; `int8` (a scale for each output) also computes in 8-bit integers;
 * `int4` (a scale for each 32 inputs of an output) is the smallest. See docs/decisions/0009-precision.md.
 */
export type Precision = "float32" | "float16" | "int8" | "int4";

/** The precision of a parameter by its name. Only frozen matrices are asked for: vectors stay float32. */
export type PrecisionOf = (name: string) => Precision;

/** How the gradient dy W of a product with an int8 matrix is computed: with W in float32, or in 8-bit integers. */
export type Backward = "exact" | "int8";

/** How a graph is written into a file. */
export interface OnnxFileOptions {
  /**
   * A model with more bytes than this keeps its weights in a second file, `<path>.data`, which must stay beside it.
   * Default: what one file can hold (2 GiB).
   */
  readonly singleFileBytes?: number;
}

/** How an inference keeps its values. */
export interface InferOptions {
  /** How each matrix is stored and multiplied; default float32. Excludes `live`. */
  readonly precision?: PrecisionOf;
  /** Read the values anew at each run, for values that are still trained. Default false: they are packed once. */
  readonly live?: boolean;
}

/** A program that computes outputs. */
export interface Inference {
  /**
   * The outputs of a batch, by name.
   * @throws CorellaError `engine/input` for a batch that does not fit the program
   */
  run(batch: Batch): Promise<Record<string, Output>>;
  /**
   * The program as a standard ONNX file for any batch size: inputs `input.<name>`, outputs `output.<name>` and `loss`.
   * @throws CorellaError `engine/capture` for an operation without a mapping, `file/write-failed`
   */
  exportOnnx(path: string, options?: OnnxFileOptions): Promise<void>;
  /** Waits for the last run and frees what the runtime holds. */
  dispose(): Promise<void>;
}

/** Precision of what is not trained. */
export interface FrozenOptions {
  /** How each frozen matrix is stored and multiplied; default float32. */
  readonly precision?: PrecisionOf;
  /**
   * The gradient dy W of a product with an int8 matrix: `exact` (default) with W in float32, `int8` in 8-bit integers,
   * faster and rounded.
   */
  readonly backward?: Backward;
}

/** How gradients are computed. */
export interface GradientOptions extends FrozenOptions {
  /** Names of parameters and tables; default: all that are trainable. */
  readonly trainable?: (name: string) => boolean;
  /** Seeds dropout. Default 0. */
  readonly seed?: number;
}

/** What one batch gives. */
export interface GradientResult {
  readonly loss: number;
  readonly outputs: Record<string, Output>;
  /** The gradient of each trainable parameter and table, in full size; zeros where the loss does not depend on it. */
  readonly gradients: Values;
  /** New values of assigned parameters. */
  readonly assigned: Values;
}

/** A program that computes its loss' gradients. */
export interface GradientRun {
  /**
   * Forward and backward on a batch; every run draws new bits of dropout.
   * @throws CorellaError `engine/input` for a batch that does not fit the program
   */
  run(batch: Batch): Promise<GradientResult>;
  /**
   * The graph as a standard ONNX file. Inputs besides those of the program: `param.<name>` and `table.<name>` with their
   * values as defaults, `mask.<i>` (booleans to keep) for each dropout. Outputs besides: `gradient.<name>`, and for each
   * look-up in a table `lookup.<i>.ids` and `lookup.<i>.gradient`.
   */
  exportOnnx(path: string, options?: OnnxFileOptions): Promise<void>;
  /** Waits for the last run and frees what the runtime holds. */
  dispose(): Promise<void>;
}

/** How a program is trained. */
export interface TrainOptions extends FrozenOptions {
  /** Seeds initial values and dropout. */
  readonly seed: number;
  /** Initial values; those that are absent are initialised as declared. The trainer works on these very arrays. */
  readonly values?: Values;
  /** Reads the values of all parameters without an optimiser, which then are never whole in float32 but where they stay so. */
  readonly frozen?: ValueReader;
  /** One optimiser for all, or one for each parameter and table by name; null leaves it as it is. */
  readonly optimizer: Optimizer | ((name: string) => Optimizer | null);
  /**
   * - `lazy` (default) updates only the rows that a batch looks up: moments of the others rest, L2 and decay do not reach
   *   them.
   * - `dense` updates every row at every step, as PyTorch does with dense gradients.
   * - `exact` gives the weights of `dense`: a row catches up on the steps that it missed when a batch looks it up again, or
   *   when `Trainer.values` or `state()` is read. Without L2 and decay its cost depends on the looked-up rows only.
   */
  readonly tables?: "lazy" | "exact" | "dense";
  /** Scales all gradients so that their common Euclidean norm is at most this (torch.nn.utils.clip_grad_norm_). */
  readonly clipNorm?: number;
  /** Number of batches whose mean gradient makes one update. Default 1. */
  readonly accumulate?: number;
}

/** What may differ from step to step. */
export interface StepOptions {
  /** A schedule's factor on every learning rate. Default 1. */
  readonly learningRateScale?: number;
}

/** What a step computed before its update. */
export interface StepResult {
  readonly loss: number;
  readonly outputs: Record<string, Output>;
}

/** What is needed to go on as if nothing had happened. The arrays are the trainer's own, until its next step. */
export interface TrainerState {
  readonly step: number;
  readonly values: Values;
  /** Shapes of the values, where they are known. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Optimiser arrays by `<slot>.<name>`. */
  readonly slots: Values;
  /** Gradients of batches that were accumulated since the last update. */
  readonly pending?: readonly PendingGradients[];
}

/** The gradients of one batch. */
export interface PendingGradients {
  readonly dense: Readonly<Values>;
  readonly lookups: readonly {
    readonly table: string;
    readonly ids: Int32Array;
    /** [ids, dim] */
    readonly gradient: Float32Array;
  }[];
}

/** A program that learns, with its values and optimiser arrays. */
export interface Trainer {
  /** Batches that make one update. */
  readonly accumulate: number;
  /**
   * One batch: forward, backward, and an update once `accumulate` batches are there.
   * @throws CorellaError `engine/input` for a batch that does not fit the program
   */
  step(batch: Batch, options?: StepOptions): Promise<StepResult>;
  /**
   * The current values; entries are replaced at each step, and those of `tables: "exact"` caught up when they are read, so
   * read them when needed.
   */
  readonly values: Values;
  /** The state for a checkpoint. Save it before the next step. */
  state(): TrainerState;
  /**
   * Continues from a state: the next step is `state.step + 1`.
   * @throws CorellaError `engine/busy` while a step runs, `engine/state` for a state that does not fit, with nothing changed
   */
  restore(state: TrainerState): void;
  /**
   * The step's graph as a standard ONNX file. Inputs and outputs as those of a gradient run, and with an update in the
   * graph (no clipping, no accumulation): `slot.<slot>.<name>` and the step's scalars of each optimiser, with the next
   * step's values as defaults; outputs `updated.<name>` and `updated.<slot>.<name>` in place of gradients of parameters.
   */
  exportOnnx(path: string, options?: OnnxFileOptions): Promise<void>;
  /** Waits for the last run and frees what the runtime holds. */
  dispose(): Promise<void>;
}
