import { deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { world } from "../world.test-helper.ts";
import { encodeBinary } from "./datatypes.ts";
import { acceptedEncoding } from "./infer-response.ts";
import { binaryBody, errorOf, postInfer, textInput } from "./oip-world.test-helper.ts";

const items = (...ids: readonly string[]): object => ({ inputs: [textInput("item", ids)] });

describe("compression", () => {
  test.each([
    ["gzip", gzipSync, gunzipSync],
    ["deflate", deflateSync, inflateSync],
  ] as const)("%s, of requests and of answers that ask for it", async (encoding, compress, decompress) => {
    const { app } = world();
    const ids = encodeBinary({ datatype: "BYTES", values: ["1"] });
    const input = {
      name: "item",
      shape: [1, 1],
      datatype: "BYTES",
      parameters: { binary_data_size: ids.length },
    };
    const [body, headers] = binaryBody({ inputs: [input], parameters: { binary_data_output: true } }, ids);
    const plain = new Uint8Array(await (await postInfer(app, body, { headers })).arrayBuffer());
    const response = await postInfer(app, new Uint8Array(compress(body)), {
      headers: { ...headers, "content-encoding": encoding, "accept-encoding": encoding },
    });
    expect(response.headers.get("content-encoding")).toBe(encoding);
    expect(new Uint8Array(decompress(await response.arrayBuffer()))).toEqual(plain);
  });

  test("an error is not compressed", async () => {
    const response = await postInfer(world().app, "{", { headers: { "accept-encoding": "gzip" } });
    expect([response.status, await errorOf(response)]).toEqual([
      400,
      "The body is not valid JSON. (line 1, column 2)",
    ]);
  });

  test.each([
    ["a bomb", 413, "gzip", gzipSync(new Uint8Array(64 << 20)), "The body is larger than 8388608 bytes."],
    ["no gzip", 400, "gzip", Buffer.from("{}"), "The body is not what its content encoding, gzip, says."],
    [
      "deflate without zlib's frame",
      400,
      "deflate",
      Buffer.from("{}"),
      "The body is not what its content encoding, deflate, says.",
    ],
    ["cut off", 400, "gzip", gzipSync(JSON.stringify(items("1"))).subarray(0, 30), "The body is not what"],
    ["another encoding", 415, "br", Buffer.from("{}"), 'The content encoding is "br".'],
  ])("%s", async (_, status, encoding, body, begins) => {
    const response = await postInfer(world().app, new Uint8Array(body), {
      headers: { "content-encoding": encoding },
    });
    expect(response.status).toBe(status);
    expect((await errorOf(response)).startsWith(begins)).toBe(true);
  });

  test.each([
    [undefined, undefined],
    ["", undefined],
    ["gzip", "gzip"],
    ["deflate", "deflate"],
    ["gzip, deflate, br", "gzip"],
    ["br;q=1, Deflate;q=0.5, gzip; q=0.2", "deflate"],
    ["identity;q=1, gzip;q=0.5", undefined],
    ["gzip;q=0", undefined],
    ["*", "gzip"],
    ["gzip;q=0, *", "deflate"],
    ["br, zstd", undefined],
    ["gzip;q=much", undefined],
  ])("of those that %j names it is %j", (header, encoding) => {
    expect(acceptedEncoding(header)).toBe(encoding);
  });
});

describe("a body", () => {
  const [body, headers] = binaryBody(items("1"));
  test.each([
    "0",
    "-1",
    "+5",
    "1.5",
    "1e2",
    "0x10",
    "x",
    "",
    "5, 5",
    String(body.length + 1),
    "9".repeat(400),
  ])("with the header %j is refused", async (length) => {
    const response = await postInfer(world().app, body, {
      headers: { "inference-header-content-length": length },
    });
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatch(/^Inference-Header-Content-Length is /);
  });

  test("may be JSON alone and say so", async () => {
    expect((await postInfer(world().app, body, { headers })).status).toBe(200);
  });

  test("may come in pieces of which nobody knows how many", async () => {
    const response = await world().app.request("/v2/models/tiny/infer", {
      method: "POST",
      headers,
      body: new Blob([body]).stream(),
      duplex: "half",
    } as RequestInit);
    expect(response.status).toBe(200);
  });

  test("that is too large is refused, by its length or while it comes", async () => {
    const { app } = world();
    const large = new Uint8Array(8_388_609);
    const told = await postInfer(app, large, { headers: { "content-length": String(large.length) } });
    const streamed = await app.request("/v2/models/tiny/infer", {
      method: "POST",
      body: new Blob([large]).stream(),
      duplex: "half",
    } as RequestInit);
    for (const response of [told, streamed]) {
      expect(response.status).toBe(413);
      expect(await errorOf(response)).toMatch(/^The body is larger than 8388608 bytes/);
    }
  });
});
