import type { BackendValues, DataType, TensorInfo } from "@tensorflow/tfjs";
import { encodeModel } from "./model.ts";
import { tf } from "../program/tf.ts";
import { CaptureBackend, constantSymbol, elementType, type Symbol } from "../capture/backend/backend.ts";
import { useReplacedGradients } from "../trace/gradients.ts";
import { GraphBuilder, reachableNodes, type ElementType } from "../capture/backend/graph.ts";
import { shorten } from "../capture/shortcuts.ts";
import { registerBackend } from "../capture/register.ts";

/** A tensor that goes into a model or comes out of it. Booleans are bytes. */
export interface ModelTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** Runs an ONNX model without waiting. The model has one output, `result`. */
export type RunModel = (
  model: Uint8Array,
  feeds: Readonly<Record<string, ModelTensor>>,
) => ModelTensor["data"];

/**
 * Registers a tfjs backend that records operations with the kernels of captured programs and runs the recorded graph
 * whenever a tensor is read. For tests of the kernels: programs run faster on a Runtime.
 */
export function registerLazyBackend(name: string, run: RunModel): void {
  useReplacedGradients();
  registerBackend(name, new LazyBackend(run));
}

class LazyBackend extends CaptureBackend {
  override readonly graph: GraphBuilder = new GraphBuilder();
  readonly #run: RunModel;
  readonly #feeds = new Map<Symbol, string>();
  readonly #fed: Record<string, ModelTensor> = {};

  constructor(run: RunModel) {
    super();
    this.#run = run;
  }

  /** Numbers are fed, so that onnxruntime cannot compute a graph before it runs. */
  override name(tensor: TensorInfo): string {
    const symbol = this.symbol(tensor);
    if (symbol.kind !== "constant") return super.name(tensor);
    const known = this.#feeds.get(symbol);
    if (known !== undefined) return known;
    const name = this.graph.input(this.graph.fresh("x"), symbol.type, symbol.shape);
    this.#feeds.set(symbol, name);
    this.#fed[name] = { type: symbol.type, shape: symbol.shape, data: typed(symbol.values, symbol.type) };
    return name;
  }

  override readSync(dataId: object): BackendValues {
    const entry = this.entry(dataId);
    const { symbol, shape, dtype } = entry;
    const size = tf.util.sizeFromShape([...shape]);
    if (symbol.kind === "fill" || size === 0) {
      const value = symbol.kind === "fill" ? symbol.value : 0;
      return typed(
        Array.from({ length: size }, () => value),
        elementType(dtype),
      );
    }
    if (symbol.kind === "constant") return typed(symbol.values, symbol.type);
    const values = this.#compute(symbol.name, shape, dtype);
    entry.symbol = constantSymbol(values, shape, dtype);
    return values;
  }

  override read(dataId: object): Promise<BackendValues> {
    return Promise.resolve(this.readSync(dataId));
  }

  #compute(value: string, shape: readonly number[], dtype: DataType): ModelTensor["data"] {
    const result = {
      op: "Identity",
      domain: "",
      inputs: [value],
      outputs: ["result"],
      attributes: {},
    } as const;
    const reachable = reachableNodes([...this.graph.nodes, result], ["result"]);
    const nodes = shorten(reachable, this.graph.inputs);
    const used = new Set(nodes.flatMap((node) => node.inputs));
    const inputs = this.graph.inputs.filter((input) => used.has(input.name));
    const model = encodeModel({
      nodes,
      inputs,
      constants: [...this.graph.constants.values()].filter((constant) => used.has(constant.name)),
      weights: [],
      outputs: [
        {
          name: "result",
          type: dtype as "float32" | "int32" | "bool",
          shape: shape.map((size) => ({ coefficient: size, exponents: {} })),
        },
      ],
      masks: [],
      lookups: [],
      ids: [],
      tables: [],
      differentiated: [],
      assigned: [],
    });
    return this.#run(model.bytes, Object.fromEntries(inputs.map(({ name }) => [name, this.#fed[name]!])));
  }
}

function typed(values: ArrayLike<number>, type: ElementType): ModelTensor["data"] {
  if (type === "float32") return Float32Array.from(values);
  return type === "int32" ? Int32Array.from(values) : Uint8Array.from(values);
}
