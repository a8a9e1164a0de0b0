import type { ServiceInfo } from "../deployment/info.ts";
import type { Datatype } from "./datatypes.ts";
import { inputs, maxBatchSize, outputs, type Tensor, tensorShape } from "./tensors.ts";

/** What computes the models, as metadata name it. */
const platform = "corella";

/** Names of datatypes in configurations. */
const configTypes: Readonly<Record<Datatype, string>> = {
  BOOL: "TYPE_BOOL",
  BYTES: "TYPE_STRING",
  FP32: "TYPE_FP32",
};

/** What GET /v2 tells. @param version of the server */
export function serverMetadata(version: string): object {
  return {
    name: "corella",
    version,
    extensions: [
      "binary_tensor_data",
      "model_configuration",
      "model_repository",
      "parameters",
      "schedule_policy",
      "statistics",
    ],
  };
}

/** What GET /v2/models/M tells. @param versions all that are served under this name */
export function modelMetadata(name: string, versions: readonly string[]): object {
  const shaped = ({ name: tensor, datatype }: Tensor): object => ({
    name: tensor,
    datatype,
    shape: tensorShape,
  });
  return { name, versions, platform, inputs: inputs.map(shaped), outputs: outputs.map(shaped) };
}

/** What GET /v2/models/M/config tells: types have other names there, and dimensions leave the batch out. */
export function modelConfig({ name }: ServiceInfo["bundle"]): object {
  const shaped = ({ name: tensor, datatype }: Tensor): object => ({
    name: tensor,
    data_type: configTypes[datatype],
    dims: tensorShape.slice(1),
  });
  return {
    name,
    platform,
    backend: platform,
    max_batch_size: maxBatchSize,
    input: inputs.map((input) => ({ ...shaped(input), optional: true })),
    output: outputs.map(shaped),
  };
}
