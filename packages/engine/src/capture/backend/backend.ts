import type { BackendValues, DataType, Tensor, TensorInfo } from "@tensorflow/tfjs";
import { captureError, type ElementType, type GraphBuilder, type GraphNode } from "./graph.ts";
import { tf } from "../../program/tf.ts";
import { dequantized, type StoredSymbol } from "./stored.ts";

/**
 * What stands behind a tensor while a program is captured: the name of a value, a constant not yet written, or a frozen
 * matrix that is stored in another precision than float32.
 */
export type Symbol =
  | { readonly kind: "value"; readonly name: string }
  | {
      readonly kind: "fill";
      readonly value: number;
      readonly shape: readonly number[];
      readonly type: ElementType;
    }
  | {
      readonly kind: "constant";
      readonly values: ArrayLike<number>;
      readonly shape: readonly number[];
      readonly type: ElementType;
    }
  | StoredSymbol;

/** What the backend knows of one tensor. Several tensors may share it: tfjs counts them. */
export interface Entry {
  symbol: Symbol;
  readonly shape: readonly number[];
  readonly dtype: DataType;
  references: number;
}

/** A tfjs backend that records operations into a graph instead of computing them. */
export class CaptureBackend extends tf.KernelBackend {
  readonly #data = new WeakMap<object, Entry>();
  graph: GraphBuilder | undefined;

  /** The graph being captured. */
  get builder(): GraphBuilder {
    if (this.graph === undefined) throw captureError("No program is being captured.");
    return this.graph;
  }

  /** Wraps a symbol as what a kernel returns. */
  info(symbol: Symbol, shape: readonly number[], dtype: DataType): TensorInfo {
    const dataId = {};
    this.#data.set(dataId, { symbol, shape, dtype, references: 1 });
    return { dataId, shape: [...shape], dtype };
  }

  /** A named value of the graph as what a kernel returns. */
  value(name: string, shape: readonly number[], dtype: DataType): TensorInfo {
    this.builder.shapes.set(name, shape);
    return this.info({ kind: "value", name }, shape, dtype);
  }

  /** A tensor that stands for a named value of the graph, for inputs and parameters. */
  tensor(name: string, shape: readonly number[], dtype: DataType): Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.value(name, shape, dtype));
  }

  /** A tensor that stands for a stored matrix. */
  matrix(symbol: StoredSymbol): Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.info(symbol, symbol.matrix.shape, "float32"));
  }

  /** What stands behind a tensor. */
  symbol(tensor: TensorInfo): Symbol {
    return this.entry(tensor.dataId).symbol;
  }

  /**
   * The entry of a tensor.
   * @throws CorellaError `engine/capture` for a tensor that was made before the program was captured
   */
  protected entry(dataId: object): Entry {
    const entry = this.#data.get(dataId);
    if (entry === undefined) {
      throw captureError(
        "A tensor made outside the program is used inside it: make it in forward, or declare a parameter or an input.",
      );
    }
    return entry;
  }

  /** The node that computes a tensor; undefined for inputs, weights and constants. */
  producer(tensor: TensorInfo): GraphNode | undefined {
    const symbol = this.symbol(tensor);
    return symbol.kind === "value" ? this.builder.producer(symbol.name) : undefined;
  }

  /** The graph's name of a tensor; constants are written now. */
  name(tensor: TensorInfo): string {
    const symbol = this.symbol(tensor);
    if (symbol.kind === "value") return symbol.name;
    if (symbol.kind === "stored") return dequantized(this.builder, symbol);
    if (symbol.kind === "constant") return this.builder.constant(symbol.type, symbol.shape, symbol.values);
    const scalar = this.builder.scalar(symbol.value, symbol.type);
    return tensor.shape.length === 0
      ? scalar
      : this.builder.node("Expand", [scalar, this.builder.int64(tensor.shape)]);
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): object {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: object,
    values: BackendValues,
    shape: number[],
    dtype: DataType,
    references: number,
  ): void {
    const symbol = constantSymbol(values as ArrayLike<number>, shape, dtype);
    this.#data.set(dataId, { symbol, shape, dtype, references });
  }

  override numDataIds(): number {
    // Names are not memory: kernels leave intermediate ones behind, which tfjs would call leaks.
    return 0;
  }

  override incRef(dataId: object): void {
    const entry = this.#data.get(dataId);
    if (entry !== undefined) entry.references += 1;
  }

  /** Takes back a reference that `incRef` counted. */
  decRef(dataId: object): void {
    const entry = this.#data.get(dataId);
    if (entry !== undefined) entry.references -= 1;
  }

  override refCount(dataId: object): number {
    return this.#data.get(dataId)?.references ?? 0;
  }

  override disposeData(dataId: object, force = false): boolean {
    // Names cost nothing and the graph decides what is alive, but tfjs forgets data that nobody refers to.
    const entry = this.#data.get(dataId);
    if (entry === undefined) return true;
    entry.references -= 1;
    return force || entry.references <= 0;
  }

  override readSync(_: object): BackendValues {
    throw captureError("A program read the numbers of a tensor (dataSync, arraySync) while it was captured.");
  }

  override read(_: object): Promise<BackendValues> {
    throw captureError("A program read the numbers of a tensor (data, array) while it was captured.");
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return false;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override dispose(): void {}
}

/** Known numbers as a symbol: one number that fills the shape where all are equal, otherwise the list of them. */
export function constantSymbol(values: ArrayLike<number>, shape: readonly number[], dtype: DataType): Symbol {
  const type = elementType(dtype);
  const first = values[0];
  if (first !== undefined && uniform(values, first))
    return { kind: "fill", value: Number(first), shape, type };
  return { kind: "constant", values, shape, type };
}

function uniform(values: ArrayLike<number>, first: number): boolean {
  for (let i = 1; i < values.length; i++) if (!Object.is(values[i], first)) return false;
  return true;
}

/** The ONNX type of a tfjs type. @throws CorellaError `engine/capture` for text and complex numbers */
export function elementType(dtype: DataType): ElementType {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw captureError(`Tensors of type ${dtype} cannot be captured.`);
}
