import onnxProto from "onnx-proto";
import type { CapturedGraph } from "./capture/capture.ts";
import { elementTypes, type Attribute, type ElementType, type GraphConstant } from "./capture/graph.ts";

const { onnx } = onnxProto;

const opset = 18;
const irVersion = 9;
/** AttributeProto.AttributeType */
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;
/** TensorProto.DataLocation.EXTERNAL */
const external = 1;

export interface EncodedModel {
  readonly bytes: Uint8Array;
  /** Weights by the location under which the model refers to them; empty when they are inside. */
  readonly externalData: { path: string; data: Uint8Array }[];
}

/**
 * Writes a captured graph as an ONNX model.
 * @param weights `inside`: one self-contained file (2 GB at most); `beside`: weights stay in memory as external data
 */
export function encodeModel(graph: CapturedGraph, weights: "inside" | "beside"): EncodedModel {
  const externalData: EncodedModel["externalData"] = [];
  const initializers = graph.constants.map((constant) =>
    onnx.TensorProto.create({
      name: constant.name,
      dims: [...constant.shape],
      dataType: elementTypes[constant.type],
      rawData: rawBytes(constant),
    }),
  );
  for (const weight of graph.weights) {
    const data = new Uint8Array(weight.data.buffer, weight.data.byteOffset, weight.data.byteLength);
    const tensor = { name: weight.name, dims: [...weight.shape], dataType: elementTypes[weight.type] };
    if (weights === "inside") {
      initializers.push(onnx.TensorProto.create({ ...tensor, rawData: data }));
    } else {
      const entries = [
        { key: "location", value: weight.name },
        { key: "offset", value: "0" },
        { key: "length", value: String(data.byteLength) },
      ];
      initializers.push(
        onnx.TensorProto.create({ ...tensor, externalData: entries, dataLocation: external }),
      );
      externalData.push({ path: weight.name, data });
    }
  }
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
  const model = onnx.ModelProto.create({
    irVersion,
    producerName: "corella",
    opsetImport: [
      { domain: "", version: opset },
      { domain: "com.microsoft", version: 1 },
    ],
    graph: onnx.GraphProto.create({
      name: "program",
      node: nodes,
      initializer: initializers,
      input: graph.inputs.map((input) => valueInfo(input.name, input.type, input.shape)),
      output: outputs,
    }),
  });
  return { bytes: onnx.ModelProto.encode(model).finish(), externalData };
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
