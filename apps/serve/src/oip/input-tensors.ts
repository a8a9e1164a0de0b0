import { z } from "zod";
import { decodeBytes, decodeJsonBytes } from "./datatypes.ts";
import { oipError } from "./errors.ts";
import { type InputName, inputs, maxBatchSize, tensorShape } from "./tensors.ts";

/** A number that counts something. */
export const whole: z.ZodType<number> = z.number().refine((value) => Number.isInteger(value) && value >= 0, {
  error: "expected a whole number of at least 0",
});

/** An input as it was sent. */
export interface GivenInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape?: unknown;
  readonly data?: unknown;
  readonly parameters?:
    | {
        readonly binary_data_size?: number | undefined;
        readonly [other: string]: unknown;
      }
    | null
    | undefined;
}

/** The schema of an input; names that it does not know are let through. */
export const inputSchema: z.ZodType<GivenInput> = z.looseObject({
  name: z.string(),
  datatype: z.string(),
  shape: z.unknown().optional(),
  data: z.unknown().optional(),
  parameters: z.looseObject({ binary_data_size: whole.optional() }).nullish(),
});

/** Elements of the inputs by name, all of one number. */
export type Columns = Partial<Record<InputName, readonly string[]>>;

/**
 * Reads the inputs of a request, of one name each.
 * @param binary the data of those that are binary, one after the other
 * @param model its name, for errors
 * @throws CorellaError `oip/bad-tensor`, `oip/bad-request`
 */
export function readInputs(given: readonly GivenInput[], binary: Uint8Array, model: string): Columns {
  const columns: Columns = {};
  let first: number | undefined;
  let at = 0;
  for (const tensor of given) {
    const { name, shape, size } = checkInput(tensor, model);
    const input = `input '${name}' for model '${model}'`;
    if (columns[name] !== undefined) throw oipError("oip/bad-tensor", `${input} is given twice.`);
    first ??= shape[0]!;
    if (shape[0] !== first) {
      throw oipError(
        "oip/bad-tensor",
        `input '${name}' batch size does not match other inputs for '${model}'.`,
      );
    }
    if (size === undefined) {
      columns[name] = decodeJsonBytes(tensor.data, shape, input);
      continue;
    }
    const left = binary.length - at;
    if (size > left) {
      throw oipError(
        "oip/bad-tensor",
        `input byte size mismatch for ${input}. Expected ${size}, got ${left}.`,
        "Binary data follow the JSON, and the header Inference-Header-Content-Length says where they begin.",
      );
    }
    columns[name] = decodeBytes(binary.subarray(at, at + size), first, input);
    at += size;
  }
  if (at < binary.length) {
    throw oipError(
      "oip/bad-tensor",
      `input byte size mismatch: unexpected additional input data for model '${model}', ${binary.length - at} bytes.`,
    );
  }
  return columns;
}

/** What of an input is as its model has it. */
interface CheckedInput {
  readonly name: InputName;
  readonly shape: readonly number[];
  /** Bytes of its binary data; undefined: it came as JSON. */
  readonly size: number | undefined;
}

/** Checks name, type, shape and number of samples of an input. @throws CorellaError `oip/bad-tensor`, `oip/bad-request` */
function checkInput({ name, datatype, shape, data, parameters }: GivenInput, model: string): CheckedInput {
  const known = inputs.find((input) => input.name === name);
  if (known === undefined) {
    throw oipError(
      "oip/bad-tensor",
      `unexpected inference input '${name.slice(0, 200)}' for model '${model}'.`,
      `Known are ${inputs.map((input) => input.name).join(", ")}.`,
    );
  }
  const input = `input '${known.name}' for model '${model}'`;
  requirePlain(parameters, input);
  if (datatype !== known.datatype) {
    throw oipError(
      "oip/bad-tensor",
      `inference input '${name}' data-type is '${datatype.slice(0, 100)}', but model '${model}' expects '${known.datatype}'.`,
    );
  }
  requireShape(shape, input);
  if (shape[0]! > maxBatchSize) {
    throw oipError(
      "oip/bad-tensor",
      `inference request batch-size must be <= ${maxBatchSize} for '${model}'.`,
      "Send the samples in several requests.",
    );
  }
  const size = parameters?.binary_data_size;
  // Of an empty tensor KServe's client sends both, `data` as null.
  if (size !== undefined && data !== undefined && data !== null)
    throw oipError("oip/bad-tensor", `${input} has both 'data' and 'binary_data_size'.`);
  return { name: known.name, shape, size };
}

/** Parameters of tensors that stand for extensions which this server has not; leaving them out would be another answer. */
const refusedParameters = ["classification", "shared_memory_region"];

/**
 * Refuses parameters of a tensor that this server would have to ignore.
 * @param tensor how to name it
 * @throws CorellaError `oip/bad-request`
 */
export function requirePlain(
  parameters: Readonly<Record<string, unknown>> | null | undefined,
  tensor: string,
): void {
  const refused = refusedParameters.find((name) => parameters?.[name] !== undefined);
  if (refused !== undefined)
    throw oipError(
      "oip/bad-request",
      `'${refused}' of ${tensor} is of an extension that this server has not.`,
    );
}

/** @throws CorellaError `oip/bad-tensor` unless it is [n] or [n, 1] */
function requireShape(shape: unknown, input: string): asserts shape is readonly number[] {
  if (
    Array.isArray(shape) &&
    (shape.length === 1 || (shape.length === 2 && shape[1] === 1)) &&
    Number.isSafeInteger(shape[0]) &&
    shape[0] >= 0
  )
    return;
  throw oipError(
    "oip/bad-tensor",
    `unexpected shape for ${input}. Expected ${JSON.stringify(tensorShape)}, got ${tellShape(shape)}.`,
  );
}

function tellShape(shape: unknown): string {
  const isShape =
    Array.isArray(shape) && shape.length <= 16 && shape.every((size) => typeof size === "number");
  return isShape ? JSON.stringify(shape) : "no short list of numbers";
}
