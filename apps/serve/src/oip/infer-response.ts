import { promisify } from "node:util";
import { deflate, gzip } from "node:zlib";
import type { Context } from "hono";
import type { Answer } from "../deployment/deployment.ts";
import type { ServiceInfo } from "../deployment/info.ts";
import { encodeBinary, encodeJson } from "./datatypes.ts";
import type { InferRequest } from "./infer-request.ts";
import { headerLengthName } from "./request-body.ts";

/** An answer before it is sent. */
export interface InferResponse {
  readonly body: Uint8Array<ArrayBuffer>;
  /** Bytes of the JSON, where binary data follow it. */
  readonly jsonLength: number | undefined;
}

/** Puts answers into the tensors that a request asks for: JSON, and after it the data of binary ones in their order. */
export function encodeResponse(
  answers: readonly Answer[],
  { id, outputs }: Pick<InferRequest, "id" | "outputs">,
  { name, version }: ServiceInfo["bundle"],
): InferResponse {
  const blobs: Uint8Array[] = [];
  const tensors = outputs.map(({ output, binary }) => {
    const column = output.columnOf(answers);
    const described = { name: output.name, datatype: output.datatype, shape: [answers.length, 1] };
    if (!binary) return { ...described, data: encodeJson(column) };
    const blob = encodeBinary(column);
    blobs.push(blob);
    return { ...described, parameters: { binary_data_size: blob.length } };
  });
  const json = new TextEncoder().encode(
    JSON.stringify({
      ...(id === undefined ? {} : { id }),
      model_name: name,
      model_version: version,
      outputs: tensors,
    }),
  );
  if (blobs.length === 0) return { body: json, jsonLength: undefined };
  return { body: new Uint8Array(Buffer.concat([json, ...blobs])), jsonLength: json.length };
}

/** What an answer can be compressed by. */
export type Encoding = "gzip" | "deflate";

const encoders = { gzip: promisify(gzip), deflate: promisify(deflate) } as const;

/** Sends an answer, compressed if the request takes that. */
export async function sendResponse(c: Context, { body, jsonLength }: InferResponse): Promise<Response> {
  const encoding = acceptedEncoding(c.req.header("accept-encoding"));
  c.header("vary", "accept-encoding");
  c.header("content-type", jsonLength === undefined ? "application/json" : "application/octet-stream");
  if (jsonLength !== undefined) c.header(headerLengthName, String(jsonLength));
  if (encoding === undefined) return c.body(body);
  c.header("content-encoding", encoding);
  // The fastest level: an answer is made for one request.
  return c.body(new Uint8Array(await encoders[encoding](body, { level: 1 })));
}

/** The encoding that a request likes best of those that there are, gzip before deflate; undefined: none (RFC 9110, section 12.5.3). */
export function acceptedEncoding(header = ""): Encoding | undefined {
  const weights = new Map<string, number>();
  for (const part of header.toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    weights.set(name, Number(weight) || 0);
  }
  const weightOf = (name: string): number => weights.get(name) ?? weights.get("*") ?? 0;
  const best = weightOf("deflate") > weightOf("gzip") ? "deflate" : "gzip";
  return weightOf(best) > 0 && weightOf(best) >= (weights.get("identity") ?? 0) ? best : undefined;
}
