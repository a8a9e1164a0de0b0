import { deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { world } from "../world.test-helper.ts";
import { encodeBinary } from "./datatypes.ts";
import { binaryBody, errorOf, postInfer, textInput } from "./oip-world.test-helper.ts";

const { app } = world();
const texts = fc.array(fc.string({ unit: "grapheme", minLength: 1 }), { minLength: 1, maxLength: 5 });

/** A right request with binary users and items. */
const message = texts.map((ids) => {
  const blob = encodeBinary({ datatype: "BYTES", values: ids });
  const input = (name: string): object => ({
    name,
    shape: [ids.length, 1],
    datatype: "BYTES",
    parameters: { binary_data_size: blob.length },
  });
  const [body, headers] = binaryBody({ inputs: [input("user"), input("item")] }, blob, blob);
  return { body, headers };
});

async function isRefused(response: Response): Promise<void> {
  expect(response.status).toBe(400);
  expect(await errorOf(response)).not.toBe("");
}

/** Damaged requests may be right by chance, for example with another id. */
async function isAnsweredOrRefused(response: Response): Promise<void> {
  if (response.status !== 200) await isRefused(response);
}

test("a body that ends too early, anywhere, is the sender's mistake", async () => {
  await fc.assert(
    fc.asyncProperty(message, fc.nat(), async ({ body, headers }, at) => {
      await isRefused(await postInfer(app, body.slice(0, at % body.length), { headers }));
    }),
  );
});

test("a compressed body that ends too early is the sender's mistake", async () => {
  await fc.assert(
    fc.asyncProperty(message, fc.nat(), fc.boolean(), async ({ body, headers }, at, isGzip) => {
      const sent = isGzip ? gzipSync(body) : deflateSync(body);
      const encoding = { "content-encoding": isGzip ? "gzip" : "deflate" };
      const part = new Uint8Array(sent.subarray(0, at % sent.length));
      await isRefused(await postInfer(app, part, { headers: { ...headers, ...encoding } }));
    }),
  );
});

const damage = fc.record({ at: fc.nat(), remove: fc.nat(8), insert: fc.uint8Array({ maxLength: 8 }) });

test("a body with bytes lost, changed or added is answered or refused, never a defect", async () => {
  await fc.assert(
    fc.asyncProperty(
      message,
      fc.array(damage, { minLength: 1, maxLength: 3 }),
      fc.constantFrom("identity", "gzip", "deflate"),
      async ({ body, headers }, damages, encoding) => {
        let sent: Uint8Array = { identity: (x: Uint8Array) => x, gzip: gzipSync, deflate: deflateSync }[
          encoding
        ](body);
        for (const { at, remove, insert } of damages) {
          const place = at % (sent.length + 1);
          sent = Buffer.concat([sent.subarray(0, place), insert, sent.subarray(place + remove)]);
        }
        const all = encoding === "identity" ? headers : { ...headers, "content-encoding": encoding };
        await isAnsweredOrRefused(await postInfer(app, new Uint8Array(sent), { headers: all }));
      },
    ),
    { numRuns: 150 },
  );
});

test("any JSON is answered or refused, never a defect", async () => {
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom("BYTES", "item", "record", [1, 1], [1], ["1"], 0, 1, true),
  );
  const names = ["name", "shape", "datatype", "data", "parameters", "binary_data_size"];
  const tensor = fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 6 });
  const near = fc.record(
    {
      id: odd,
      inputs: fc.oneof(
        odd,
        fc.array(
          fc.oneof(
            tensor,
            tensor.map((more) => ({ ...textInput("item", ["1"]), ...more })),
          ),
        ),
      ),
      outputs: fc.oneof(odd, fc.array(tensor)),
      parameters: fc.oneof(
        odd,
        fc.dictionary(fc.constantFrom("timeout", "priority", "llm", "binary_data_output"), odd),
      ),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.jsonValue(), near), async (json) => {
      const response = await postInfer(app, JSON.stringify(json));
      // A microsecond may be over.
      if (response.status === 503) expect(await errorOf(response)).toMatch(/^Request timeout expired/);
      else await isAnsweredOrRefused(response);
    }),
    { numRuns: 200 },
  );
});

test("any record is answered or refused, never a defect", async () => {
  const record = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record({ item: fc.string(), history: fc.jsonValue(), context: fc.jsonValue() }, { requiredKeys: [] })
      .map((x) => JSON.stringify(x)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(record, { maxLength: 3 }), async (records) => {
      await isAnsweredOrRefused(await postInfer(app, { inputs: [textInput("record", records)] }));
    }),
    { numRuns: 150 },
  );
});

test("nesting without end is refused", async () => {
  for (const part of [
    "[",
    '{"inputs":',
    '{"inputs":[{"name":"item","datatype":"BYTES","shape":[1],"data":[',
  ]) {
    const body =
      part.startsWith("{") && part.length > 12
        ? part + "[".repeat(1e5) + "]".repeat(1e5) + "]}]}"
        : part.repeat(1e5);
    await isRefused(await postInfer(app, body));
  }
});
