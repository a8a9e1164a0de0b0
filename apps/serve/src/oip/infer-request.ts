import { z } from "zod";
import type { LlmUse, RequestPath, Sample } from "../deployment/sample.ts";
import { badField, parseJson } from "../http/json-body.ts";
import { parseSample } from "../v1/score-request.ts";
import { decodeBytes, decodeJsonBytes } from "./datatypes.ts";
import { oipError } from "./errors.ts";
import type { RequestBody } from "./request-body.ts";
import { type InputName, inputs, maxBatchSize, type Output, outputs, tensorShape } from "./tensors.ts";

/** An output that is asked for. */
export interface RequestedOutput {
  readonly output: Output;
  /** As binary data after the JSON. */
  readonly binary: boolean;
}

/** An inference request, checked. */
export interface InferRequest {
  /** Comes back with the answer. */
  readonly id: string | undefined;
  readonly samples: readonly Sample[];
  /** Where a sample stands in the request, for errors. */
  readonly pathOf: (index: number) => RequestPath;
  readonly outputs: readonly RequestedOutput[];
  readonly llm: LlmUse;
  /** Wait for the answer, in microseconds; undefined: without end. */
  readonly timeoutUs: number | undefined;
}

// Unknown names are let through: KServe's client sends `model_name`, others parameters of their own.
const whole = z.number().refine((value) => Number.isInteger(value) && value >= 0, {
  error: "expected a whole number of at least 0",
});
const inputSchema = z.looseObject({
  name: z.string(),
  datatype: z.string(),
  shape: z.unknown().optional(),
  data: z.unknown().optional(),
  parameters: z.looseObject({ binary_data_size: whole.optional() }).nullish(),
});
const outputSchema = z.looseObject({
  name: z.string(),
  parameters: z.looseObject({ binary_data: z.boolean().optional() }).nullish(),
});
const requestSchema = z.looseObject({
  id: z.string().nullish(),
  inputs: z.array(inputSchema),
  outputs: z.array(outputSchema).nullish(),
  parameters: z
    .looseObject({
      binary_data_output: z.boolean().optional(),
      timeout: whole.optional(),
      priority: whole.optional(),
      llm: z.enum(["auto", "never", "always"]).optional(),
    })
    .nullish(),
});
type Request = z.infer<typeof requestSchema>;

/** Parameters of tensors that stand for extensions which this server has not; leaving them out would be another answer. */
const refusedParameters = ["classification", "shared_memory_region"];

/**
 * Reads an inference request.
 * @param model its name, for errors
 * @throws CorellaError `oip/bad-tensor`, `oip/bad-request`, `serve/bad-field`, `serve/unknown-field`
 */
export function parseInferRequest({ json, binary }: RequestBody, model: string): InferRequest {
  requireFew("inputs", json, inputs.length, model);
  requireFew("outputs", json, outputs.length, model);
  const parsed = requestSchema.safeParse(json);
  if (!parsed.success) throw badField(parsed.error.issues, () => []);
  const { id, parameters } = parsed.data;
  const columns = readInputs(parsed.data.inputs, binary, model);
  return {
    id: id ?? undefined,
    ...samplesOf(columns, model),
    outputs: requestedOutputs(parsed.data, model),
    llm: parameters?.llm ?? "auto",
    // As in Triton, 0 is no timeout.
    timeoutUs: parameters?.timeout || undefined,
  };
}

/** Refuses lists that are too long before the schema, which would look at every element. */
function requireFew(name: "inputs" | "outputs", json: unknown, most: number, model: string): void {
  const list: unknown = typeof json === "object" && json !== null && name in json ? json[name as never] : [];
  if (Array.isArray(list) && list.length > most) {
    throw oipError(
      "oip/bad-tensor",
      `expected at most ${most} ${name} but got ${list.length} ${name} for model '${model}'.`,
    );
  }
}

type Columns = Partial<Record<InputName, readonly string[]>>;

/** Elements of the inputs by name, all of one number. */
function readInputs(given: Request["inputs"], binary: Uint8Array, model: string): Columns {
  const columns: Columns = {};
  let [rows, at] = [-1, 0];
  for (const { name, datatype, shape, data, parameters } of given) {
    const known = inputs.find((input) => input.name === name);
    const told = name.slice(0, 200);
    if (known === undefined) {
      throw oipError(
        "oip/bad-tensor",
        `unexpected inference input '${told}' for model '${model}'.`,
        `Known are ${inputs.map((input) => input.name).join(", ")}.`,
      );
    }
    const input = `input '${told}' for model '${model}'`;
    if (known.name in columns) throw oipError("oip/bad-tensor", `${input} is given twice.`);
    requirePlain(parameters, input);
    if (datatype !== known.datatype) {
      throw oipError(
        "oip/bad-tensor",
        `inference input '${told}' data-type is '${datatype.slice(0, 100)}', but model '${model}' expects '${known.datatype}'.`,
      );
    }
    requireShape(shape, input);
    if (rows !== -1 && shape[0] !== rows)
      throw oipError(
        "oip/bad-tensor",
        `input '${told}' batch size does not match other inputs for '${model}'.`,
      );
    rows = shape[0]!;
    if (rows > maxBatchSize) {
      throw oipError(
        "oip/bad-tensor",
        `inference request batch-size must be <= ${maxBatchSize} for '${model}'.`,
        "Send the samples in several requests.",
      );
    }
    const size = parameters?.binary_data_size;
    if (size === undefined) {
      columns[known.name] = decodeJsonBytes(data, shape, input);
      continue;
    }
    // Of an empty tensor KServe's client sends both, `data` as null.
    if (data !== undefined && data !== null)
      throw oipError("oip/bad-tensor", `${input} has both 'data' and 'binary_data_size'.`);
    const left = binary.length - at;
    if (size > left) {
      throw oipError(
        "oip/bad-tensor",
        `input byte size mismatch for ${input}. Expected ${size}, got ${left}.`,
        "Binary data follow the JSON, and the header Inference-Header-Content-Length says where they begin.",
      );
    }
    columns[known.name] = decodeBytes(binary.subarray(at, at + size), rows, input);
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

/** @throws CorellaError `oip/bad-request` */
function requirePlain(
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

/** @throws CorellaError `oip/bad-tensor`, `serve/bad-field`, `serve/unknown-field` */
function samplesOf({ user, item, record }: Columns, model: string): Pick<InferRequest, "samples" | "pathOf"> {
  if (record !== undefined && user === undefined && item === undefined) {
    const pathOf = (index: number): RequestPath => ["record", index];
    return { samples: record.map((text, i) => parseSample(parseRecord(text, i), pathOf(i))), pathOf };
  }
  if (record !== undefined || item === undefined) {
    const got = Object.entries({ user, item, record }).flatMap(([name, column]) =>
      column ? [`'${name}'`] : [],
    );
    throw oipError(
      "oip/bad-tensor",
      `expected inputs 'item' with or without 'user', or 'record' alone, for model '${model}', got ${got.join(", ") || "none"}.`,
    );
  }
  const pathOf = (index: number): RequestPath => [index];
  // A tensor cannot leave one out: an empty text is nobody in particular.
  return {
    samples: item.map((id, i) => parseSample({ user: user?.[i] || null, item: id }, pathOf(i))),
    pathOf,
  };
}

function parseRecord(text: string, index: number): unknown {
  try {
    return parseJson(new TextEncoder().encode(text));
  } catch {
    throw oipError(
      "oip/bad-tensor",
      `record[${index}] is not valid JSON.`,
      "Each is a sample of POST /v1/score.",
    );
  }
}

/** @throws CorellaError `oip/bad-tensor`, `oip/bad-request` */
function requestedOutputs({ outputs: asked, parameters }: Request, model: string): RequestedOutput[] {
  const binaryByDefault = parameters?.binary_data_output ?? false;
  if (asked === undefined || asked === null || asked.length === 0)
    return outputs.map((output) => ({ output, binary: binaryByDefault }));
  const names = new Set<string>();
  return asked.map(({ name, parameters: own }) => {
    const output = outputs.find((known) => known.name === name);
    const told = `inference output '${name.slice(0, 200)}' for model '${model}'`;
    if (output === undefined) {
      throw oipError(
        "oip/bad-tensor",
        `unexpected ${told}.`,
        `Known are ${outputs.map((known) => known.name).join(", ")}.`,
      );
    }
    if (names.has(name)) throw oipError("oip/bad-tensor", `${told} is asked for twice.`);
    names.add(name);
    requirePlain(own, told);
    return { output, binary: own?.binary_data ?? binaryByDefault };
  });
}
