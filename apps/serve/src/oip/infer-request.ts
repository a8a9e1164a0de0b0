import { z } from "zod";
import type { LlmUse, RequestPath, Sample } from "../deployment/sample.ts";
import { parseChecked, parseJson } from "../http/json-body.ts";
import { parseSample } from "../v1/score-request.ts";
import { oipError } from "./errors.ts";
import { type Columns, inputSchema, readInputs, requirePlain, whole } from "./input-tensors.ts";
import type { RequestBody } from "./request-body.ts";
import { inputs, type Output, outputs } from "./tensors.ts";

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

/**
 * Reads an inference request.
 * @param model its name, for errors
 * @throws CorellaError `oip/bad-tensor`, `oip/bad-request`, `serve/bad-field`, `serve/unknown-field`
 */
export function parseInferRequest({ json, binary }: RequestBody, model: string): InferRequest {
  requireFew("inputs", json, inputs.length, model);
  requireFew("outputs", json, outputs.length, model);
  const request = parseChecked(requestSchema, json);
  const { id, parameters } = request;
  const columns = readInputs(request.inputs, binary, model);
  return {
    id: id ?? undefined,
    ...samplesOf(columns, model),
    outputs: requestedOutputs(request, model),
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
