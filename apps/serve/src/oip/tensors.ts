import type { Answer } from "../deployment/deployment.ts";
import { maxSamples } from "../v1/score-request.ts";
import type { Column, Datatype } from "./datatypes.ts";

/** A tensor of every model, as metadata tell it. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
}

/** Shape of every tensor: samples, and one element of each. */
export const tensorShape: readonly [batch: number, elements: number] = [-1, 1];

/** The most samples of a request. */
export const maxBatchSize: number = maxSamples;

/** The name of an input. */
export type InputName = "user" | "item" | "record";

/** What a request may bring: `item`, with `user` or without, or all of a sample as JSON in `record`. */
export const inputs: readonly (Tensor & { readonly name: InputName })[] = [
  { name: "user", datatype: "BYTES" },
  { name: "item", datatype: "BYTES" },
  { name: "record", datatype: "BYTES" },
];

/** A tensor that is answered, and where it comes from. */
export interface Output extends Tensor {
  columnOf(answers: readonly Answer[]): Column;
}

/** What a request may ask for; NaN stands for what a model was not asked, or there is no such model. */
export const outputs: readonly Output[] = [
  fp32("probability", ({ probability }) => probability),
  fp32("p_crm", ({ pCrm }) => pCrm),
  fp32("p_llm", ({ pLlm }) => pLlm),
  fp32("entropy", ({ entropy }) => entropy),
  {
    name: "degraded",
    datatype: "BOOL",
    columnOf: (answers) => ({
      datatype: "BOOL",
      values: answers.map(({ degraded }) => degraded !== undefined),
    }),
  },
  {
    name: "route",
    datatype: "BYTES",
    columnOf: (answers) => ({ datatype: "BYTES", values: answers.map(({ route }) => route) }),
  },
];

function fp32(name: string, valueOf: (answer: Answer) => number | undefined): Output {
  return {
    name,
    datatype: "FP32",
    columnOf: (answers) => ({
      datatype: "FP32",
      values: answers.map((answer) => valueOf(answer) ?? Number.NaN),
    }),
  };
}
