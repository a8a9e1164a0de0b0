import onnxProto from "onnx-proto";
import type { CapturedGraph } from "../capture/captured-graph.ts";
import {
  elementTypes,
  type Attribute,
  type ElementType,
  type GraphConstant,
  type GraphWeight,
} from "../capture/backend/graph.ts";

const { onnx } = onnxProto;
type ModelProto = ReturnType<typeof onnxProto.onnx.ModelProto.create>;
type GraphProto = ReturnType<typeof onnxProto.onnx.GraphProto.create>;
type TensorProto = ReturnType<typeof onnxProto.onnx.TensorProto.create>;

const opset = 18;
const irVersion = 9;
/** AttributeProto.AttributeType */
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;
/** TensorProto.DataLocation.EXTERNAL */
const external = 1;

/** An ONNX model in memory, with its weights beside it. */
export interface EncodedModel {
  readonly bytes: Uint8Array;
  /** Weights by the location under which the model refers to them. */
  readonly externalData: { path: string; data: Uint8Array }[];
}

/** A captured graph as an ONNX model for a session of this process: its weights stay where they are, as external data. */
export function encodeModel(graph: CapturedGraph): EncodedModel {
  const externalData: EncodedModel["externalData"] = [];
  const places = new Map<GraphWeight, DataPlace>();
  for (const weight of graph.weights) {
    const data = bytesOf(weight.data);
    places.set(weight, { location: weight.name, offset: 0, length: data.byteLength });
    externalData.push({ path: weight.name, data });
  }
  return { bytes: encodeGraph(graph, places), externalData };
}

/** A captured graph as an ONNX model with its weights elsewhere. */
export function encodeGraph(graph: CapturedGraph, places: ReadonlyMap<GraphWeight, DataPlace>): Uint8Array {
  const proto = graphProto(graph);
  for (const weight of graph.weights) proto.initializer.push(tensorProto(weight, places.get(weight)));
  return onnx.ModelProto.encode(onnx.ModelProto.create({ ...modelFields, graph: proto })).finish();
}

/** ModelProto without its graph. */
export const modelFields: ModelProto = onnx.ModelProto.create({
  irVersion,
  producerName: "corella",
  opsetImport: [
    { domain: "", version: opset },
    { domain: "com.microsoft", version: 1 },
  ],
});

/** Where weights begin in a file of their own, so that a reader can map it (onnx.proto: "should be multiples of 4096"). */
export const alignment = 4096;

/** The bytes of an array, without a copy. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The bytes of a tensor in a file of their own. */
export interface DataPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** A weight as TensorProto, without its data or with their place. */
export function tensorProto(weight: GraphWeight, place: DataPlace | undefined): TensorProto {
  const tensor = { name: weight.name, dims: [...weight.shape], dataType: elementTypes[weight.type] };
  if (place === undefined) return onnx.TensorProto.create(tensor);
  const externalData = Object.entries(place).map(([key, value]) => ({ key, value: String(value) }));
  return onnx.TensorProto.create({ ...tensor, externalData, dataLocation: external });
}

/** The graph with its constants, without its weights. */
export function graphProto(graph: CapturedGraph): GraphProto {
  const constants = graph.constants.map((constant) =>
    onnx.TensorProto.create({
      name: constant.name,
      dims: [...constant.shape],
      dataType: elementTypes[constant.type],
      rawData: rawBytes(constant),
    }),
  );
  const nodes = graph.nodes.map((node) =>
    onnx.NodeProto.create({
      opType: node.op,
      domain: node.domain,
      input: [...node.inputs],
      output: [...node.outputs],
      attribute: Object.entries(node.attributes).map(([name, value]) => attribute(name, value)),
    }),
  );
  const outputs = graph.outputs.map((output) =>
    valueInfo(
      output.name,
      output.type,
      output.shape.map((size) => {
        const names = Object.entries(size.exponents);
        if (names.length === 0) return size.coefficient;
        return [
          size.coefficient === 1 ? "" : String(size.coefficient),
          ...names.map(([name, power]) => (power === 1 ? name : `${name}^${power}`)),
        ]
          .filter((part) => part !== "")
          .join("*");
      }),
    ),
  );
  return onnx.GraphProto.create({
    name: "program",
    node: nodes,
    initializer: constants,
    input: graph.inputs.map((input) => valueInfo(input.name, input.type, input.shape)),
    output: outputs,
  });
}

function valueInfo(
  name: string,
  type: ElementType,
  shape: readonly (number | string)[],
): ReturnType<typeof onnx.ValueInfoProto.create> {
  return onnx.ValueInfoProto.create({
    name,
    type: {
      tensorType: {
        elemType: elementTypes[type],
        shape: {
          dim: shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size })),
        },
      },
    },
  });
}

function attribute(name: string, value: Attribute): ReturnType<typeof onnx.AttributeProto.create> {
  if (typeof value === "number")
    return onnx.AttributeProto.create({ name, type: attributeTypes.int, i: value });
  if (typeof value === "string") {
    return onnx.AttributeProto.create({
      name,
      type: attributeTypes.string,
      s: new TextEncoder().encode(value),
    });
  }
  if ("float" in value)
    return onnx.AttributeProto.create({ name, type: attributeTypes.float, f: value.float });
  return onnx.AttributeProto.create({ name, type: attributeTypes.ints, ints: [...value] });
}

function rawBytes(constant: GraphConstant): Uint8Array {
  const { type, values } = constant;
  if (type === "int64")
    return new Uint8Array(BigInt64Array.from(Array.from(values, (value) => BigInt(value))).buffer);
  const array =
    type === "float32"
      ? Float32Array.from(values)
      : type === "int32"
        ? Int32Array.from(values)
        : type === "int8"
          ? Int8Array.from(values)
          : Uint8Array.from(values);
  return new Uint8Array(array.buffer);
}
