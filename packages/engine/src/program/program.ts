import type { Scalar, Tensor } from "@tensorflow/tfjs";
import type { Initializer } from "./initializers.ts";

/** A size: a number, or the name of a dimension that every batch binds anew, for example "batch" or "time". */
export type Dimension = number | string;

/** A parameter: an array of fixed shape that all of a batch share. */
export interface ParamSpec {
  readonly shape: readonly number[];
  readonly init: Initializer;
  /** False for state that no optimiser touches, for example the running statistics of batch normalisation. */
  readonly trainable?: boolean;
}

/** An embedding table [rows, dim]. It lives outside the graph: only the rows of a batch are read and updated. */
export interface TableSpec {
  readonly rows: number;
  readonly dim: number;
  readonly init: Initializer;
  /** Whether row 0 is padding: initialised to zero and never updated. Default true. */
  readonly paddingRow?: boolean;
}

/** An array that each batch brings. */
export interface InputSpec {
  readonly shape: readonly Dimension[];
  readonly dtype: "float32" | "int32";
}

/** What a model part declares. Names are local to the part; `compose` prefixes them. */
export interface Specs {
  readonly params: Readonly<Record<string, ParamSpec>>;
  readonly tables: Readonly<Record<string, TableSpec>>;
  readonly inputs: Readonly<Record<string, InputSpec>>;
}

/**
 * What the forward function of a part sees: its declared tensors by their local names, and what only a runtime can
 * do.
 */
export interface Scope {
  /** The tensor of a declared parameter. */
  param(name: string): Tensor;
  /** The tensor of a declared input. */
  input(name: string): Tensor;
  /**
   * Rows of a table: ids [...shape] -> [...shape, dim]; differentiable with respect to the table.
   * onnxruntime throws CorellaError `engine/input` for an id beyond its rows.
   */
  lookup(table: string, ids: Tensor): Tensor;
  /**
   * Inverted dropout (Srivastava et al. 2014), the identity when not training. Masks come from counters: with one seed, a step
   * drops the same elements in every run.
   * @param rate the probability of dropping an element, to the nearest 1/256
   */
  dropout(x: Tensor, rate: number): Tensor;
  /** Gives a parameter a new value after a training step (running statistics). No effect when not training. */
  assign(name: string, value: Tensor): void;
  /**
   * `compute(...inputs)`, of which training keeps the inputs alone and computes the rest again for the gradient: less
   * memory for more time, and the same numbers. Other tensors made outside may be used as well, and are kept. No effect
   * when not training.
   * @param inputs float32
   */
  recompute(inputs: readonly Tensor[], compute: (...inputs: Tensor[]) => Tensor): Tensor;
  /** Whether this run is for gradients or a training step, where dropout drops and values are assigned. */
  readonly training: boolean;
}

/** A part of a program: a model with declared parameters, tables and inputs, and a pure forward function. */
export interface Part<Result> extends Specs {
  /** Computes the part on the tensors of a scope. It must be pure: it is traced, and may be run more than once. */
  forward(scope: Scope): Result;
}

/** What a program computes of one batch. */
export interface ProgramOutput {
  /** Scalar; needed for training. */
  readonly loss?: Scalar | Tensor;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** A whole model as a runtime takes it: declarations, and a forward function that gives a loss and outputs. */
export type Program = Part<ProgramOutput>;

/** Puts the specs of several parts side by side, each name prefixed with its part's: `crm` + `fc.weight` -> `crm.fc.weight`. */
export function compose(parts: Readonly<Record<string, Specs>>): Specs {
  const params: Record<string, ParamSpec> = {};
  const tables: Record<string, TableSpec> = {};
  const inputs: Record<string, InputSpec> = {};
  for (const [prefix, part] of Object.entries(parts)) {
    for (const [name, spec] of Object.entries(part.params)) params[`${prefix}.${name}`] = spec;
    for (const [name, spec] of Object.entries(part.tables)) tables[`${prefix}.${name}`] = spec;
    for (const [name, spec] of Object.entries(part.inputs)) inputs[`${prefix}.${name}`] = spec;
  }
  return { params, tables, inputs };
}

/** The scope as one part of a composed program sees it. */
export function within(scope: Scope, prefix: string): Scope {
  return {
    training: scope.training,
    param: (name) => scope.param(`${prefix}.${name}`),
    input: (name) => scope.input(`${prefix}.${name}`),
    lookup: (table, ids) => scope.lookup(`${prefix}.${table}`, ids),
    dropout: (x, rate) => scope.dropout(x, rate),
    assign: (name, value) => scope.assign(`${prefix}.${name}`, value),
    recompute: (inputs, compute) => scope.recompute(inputs, compute),
  };
}

/** Parameter and table values by name, row-major. Shapes stand in the program's specs. */
export type Values = Record<string, Float32Array>;

/**
 * Values that are read when they are needed, so that no one holds all of them in float32. Reads must give the same
 * numbers each time.
 */
export interface ValueReader {
  /** All of a parameter, or its rows from `begin` to `end` (excluded) along the first axis. */
  read(name: string, rows?: readonly [begin: number, end: number]): Promise<Float32Array>;
  /**
   * Rows of a matrix that is kept in 4-bit blocks, which the precision `int4` then takes as they are; undefined where it is not kept
   * in such.
   */
  int4?(name: string): Promise<Int4Reader | undefined>;
}

/** Reads rows of one matrix, from `begin` to `end` (excluded), in 4-bit blocks. */
export type Int4Reader = (rows: readonly [begin: number, end: number]) => Promise<Int4Rows>;

/** Rows in blocks of 32 numbers, each of which is `(code - zeroPoint) * scale`. */
export interface Int4Rows {
  /** [rows, blocks, 16]: two codes a byte, the low half first. */
  readonly codes: Uint8Array;
  /** [rows, blocks] */
  readonly scales: Float32Array;
  /** [rows, blocks] */
  readonly zeroPoints: Uint8Array;
}

/** Whether values are to be read, and are not in memory. */
export function isReader(values: Values | ValueReader): values is ValueReader {
  return typeof values.read === "function";
}

/** The values of all parameters and tables of a program. */
export async function readAll(program: Specs, reader: ValueReader): Promise<Values> {
  const values: Values = {};
  for (const name of [...Object.keys(program.params), ...Object.keys(program.tables)])
    values[name] = await reader.read(name);
  return values;
}

/** One input array with its actual shape. */
export interface Feed {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** The input arrays of one run, by the names that the program declares. */
export type Batch = Readonly<Record<string, Feed>>;

/** One output array with its actual shape. */
export interface Output {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}
