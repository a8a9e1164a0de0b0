import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { parseJson } from "../http/json-body.ts";
import { oipError } from "./errors.ts";

/** Bytes that a body may have, compressed and decompressed: 1,000 samples of 8 kB. */
export const maxBodyBytes: number = 8 * 1_048_576;

/** The name of the header that says where the JSON of a message ends and binary data begin. */
export const headerLengthName = "inference-header-content-length";

/** The body of a request, in its two parts. */
export interface RequestBody {
  readonly json: unknown;
  /** What follows the JSON: the binary data of inputs, one after the other. */
  readonly binary: Uint8Array;
}

const decoders = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;

/**
 * Reads a body of JSON, and of binary data after it where the header `Inference-Header-Content-Length` says so. Its content type does not
 * matter: tritonclient sends none.
 * @throws CorellaError `oip/bad-request`, `oip/too-large`, `oip/encoding`, `serve/bad-json`
 */
export async function readBody(c: Context): Promise<RequestBody> {
  const sent = new Uint8Array(await sentBody(c));
  const body = await decompress(sent, c.req.header("content-encoding"));
  const end = jsonLength(c.req.header(headerLengthName), body.length);
  return { json: parseJson(body.subarray(0, end)), binary: body.subarray(end) };
}

/**
 * The body of a request as it was sent.
 * @throws CorellaError `oip/too-large`
 */
export async function sentBody(c: Context): Promise<ArrayBuffer> {
  await limit(c, () => Promise.resolve());
  return c.req.arrayBuffer();
}

const limit = bodyLimit({
  maxSize: maxBodyBytes,
  onError: () => {
    throw tooLarge();
  },
});

function tooLarge(): Error {
  return oipError(
    "oip/too-large",
    `The body is larger than ${maxBodyBytes} bytes.`,
    "Send the samples in several requests.",
  );
}

async function decompress(body: Uint8Array, encoding = "identity"): Promise<Uint8Array> {
  const name = encoding.trim().toLowerCase();
  if (name === "identity") return body;
  if (name !== "gzip" && name !== "deflate") {
    throw oipError(
      "oip/encoding",
      `The content encoding is ${JSON.stringify(encoding.slice(0, 100))}.`,
      "Use gzip, deflate (zlib) or none.",
    );
  }
  try {
    return await decoders[name](body, { maxOutputLength: maxBodyBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge();
    throw oipError("oip/bad-request", `The body is not what its content encoding, ${name}, says.`);
  }
}

/** Bytes of the JSON. Triton takes 0 as "no JSON at all", for models with one input; here JSON always says what the inputs are. */
function jsonLength(header: string | undefined, bodyLength: number): number {
  if (header === undefined) return bodyLength;
  const length = /^\d+$/.test(header) ? Number(header) : Number.NaN;
  if (length >= 1 && length <= bodyLength) return length;
  throw oipError(
    "oip/bad-request",
    `Inference-Header-Content-Length is ${JSON.stringify(header.slice(0, 100))}, and the body has ${bodyLength} bytes.`,
    "It is the number of bytes of the JSON, at least 1, before compression.",
  );
}
