import { deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import { CorellaError } from "@corella/errors";
import { describe, expect, test } from "vitest";
import { world } from "../world.test-helper.ts";
import { encodeBinary } from "./datatypes.ts";
import { acceptedEncoding } from "./infer-response.ts";
import { columnsOf } from "./message.test-helper.ts";
import { binaryBody, errorOf, messageOf, postInfer, textInput } from "./oip-world.test-helper.ts";

const items = (...ids: readonly string[]): object => ({ inputs: [textInput("item", ids)] });
const bytes = (...values: readonly string[]): Uint8Array => encodeBinary({ datatype: "BYTES", values });
const entropy = expect.closeTo(0.2338, 4) as number;

describe("an inference request", () => {
  test("in JSON is answered in JSON, all outputs in their order, null where a model was not asked", async () => {
    const { app } = world();
    const response = await postInfer(app, {
      id: "a",
      inputs: [textInput("user", ["ann", ""]), textInput("item", ["2", "1"])],
    });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
    const output = (name: string, data: readonly unknown[], datatype = "FP32"): object => ({
      name,
      datatype,
      shape: [2, 1],
      data,
    });
    expect(await response.json()).toEqual({
      id: "a",
      model_name: "tiny",
      model_version: "abc",
      outputs: [
        output("probability", [0.9375, 0.25]),
        output("p_crm", [0.9375, 0.5]),
        output("p_llm", [null, 0.25]),
        output("entropy", [entropy, expect.closeTo(Math.LN2, 6)]),
        output("degraded", [false, false], "BOOL"),
        output("route", ["crm", "llm"], "BYTES"),
      ],
    });
  });

  test("brings users and items, or samples as JSON; an empty user is nobody", async () => {
    const { app, toCrm } = world();
    await postInfer(app, { inputs: [textInput("user", ["ann", ""]), textInput("item", ["2", "2"])] });
    expect(toCrm.at(-1)!.map(({ user, history }) => [user, history.length])).toEqual([
      ["ann", 2],
      [null, 0],
    ]);
    const sample = { user: "bob", item: "2", history: [{ item: "1", rating: 4 }], time: 300 };
    await postInfer(app, { inputs: [textInput("record", [JSON.stringify(sample)])] });
    expect(toCrm.at(-1)).toEqual([sample]);
  });

  test.each([
    ["flat, of two dimensions", [2, 1], ["2", "1"]],
    ["nested", [2, 1], [["2"], ["1"]]],
    ["of one dimension", [2], ["2", "1"]],
  ])("%s", async (_, shape, data) => {
    const { app } = world();
    const message = await messageOf(await postInfer(app, { inputs: [textInput("item", data, shape)] }));
    expect(columnsOf(message)["probability"]).toEqual([0.9375, 0.25]);
  });

  test("in binary data, of inputs in their order, some in JSON", async () => {
    const { app, toCrm } = world();
    const [users, ids] = [bytes("ann", "größer"), bytes("2", "1")];
    const binary = (name: string, { length }: Uint8Array): object => ({
      name,
      shape: [2, 1],
      datatype: "BYTES",
      parameters: { binary_data_size: length },
    });
    const both = binaryBody({ inputs: [binary("item", ids), binary("user", users)] }, ids, users);
    const one = binaryBody({ inputs: [textInput("user", ["ann", "größer"]), binary("item", ids)] }, ids);
    for (const [body, headers] of [both, one]) {
      const response = await postInfer(app, body, { headers });
      expect(columnsOf(await messageOf(response))["probability"]).toEqual([0.9375, 0.25]);
      expect(toCrm.at(-1)!.map(({ user, item }) => [user, item])).toEqual([
        ["ann", "2"],
        ["größer", "1"],
      ]);
    }
  });

  test("gets what it asks for, in its order; an output's own flag wins over the request's", async () => {
    const { app } = world();
    const asked = [
      { name: "route", parameters: { binary_data: false } },
      { name: "p_llm" },
      { name: "degraded", parameters: { binary_data: true } },
    ];
    const ask = async (parameters: object): Promise<[readonly string[], object, string | null]> => {
      const response = await postInfer(app, { ...items("2"), outputs: asked, parameters });
      const message = await messageOf(response);
      return [message.binary, columnsOf(message), response.headers.get("content-type")];
    };
    const columns = { route: ["crm"], p_llm: [null], degraded: [false] };
    const binary = "application/octet-stream";
    expect(await ask({})).toEqual([["degraded"], columns, binary]);
    expect(await ask({ binary_data_output: true })).toEqual([["p_llm", "degraded"], columns, binary]);
    expect(Object.keys(columns)).toEqual(Object.keys((await ask({}))[1]));
  });

  test("may be empty, as KServe's client sends it", async () => {
    const { app } = world();
    const empty = {
      name: "item",
      shape: [0, 1],
      datatype: "BYTES",
      data: null,
      parameters: { binary_data_size: 0 },
    };
    const response = await postInfer(app, {
      id: "x",
      model_name: "tiny",
      inputs: [empty],
      parameters: { binary_data_output: true },
    });
    expect(response.status).toBe(200);
    expect(columnsOf(await messageOf(response))).toMatchObject({ probability: [], route: [] });
  });

  test("of 1,000 records that are larger than other bodies may be", async () => {
    const { app, toCrm } = world();
    const record = JSON.stringify({
      item: "2",
      history: Array.from({ length: 50 }, (_, i) => ({ item: `film ${i}`, rating: 3 })),
    });
    const ids = bytes(...Array.from({ length: 1000 }, () => record));
    expect(ids.length).toBeGreaterThan(1.5e6);
    const input = {
      name: "record",
      shape: [1000, 1],
      datatype: "BYTES",
      parameters: { binary_data_size: ids.length },
    };
    const [body, headers] = binaryBody({ inputs: [input] }, ids);
    expect((await postInfer(app, body, { headers })).status).toBe(200);
    expect(toCrm.at(-1)).toHaveLength(1000);
  });

  test("may choose whether the LLM is asked, and bring parameters of others", async () => {
    const { app } = world();
    const routes = async (parameters: object): Promise<unknown> =>
      columnsOf(await messageOf(await postInfer(app, { ...items("1", "2"), parameters })))["route"];
    expect(await routes({ llm: "always", priority: 1, tenant: "a", share: 3 })).toEqual(["llm", "llm"]);
    expect(await routes({ llm: "never" })).toEqual(["crm", "crm"]);
    expect(await routes({ llm: "auto" })).toEqual(["llm", "crm"]);
  });

  test.each([
    ["crm", { p_crm: [0.5], p_llm: [null], entropy: [expect.closeTo(Math.LN2, 6)], route: ["crm"] }],
    ["llm", { p_crm: [null], p_llm: [0.25], entropy: [null], route: ["llm"] }],
  ] as const)("of the %s alone", async (only, columns) => {
    expect(columnsOf(await messageOf(await postInfer(world({ only }).app, items("1"))))).toMatchObject(
      columns,
    );
  });
});

describe("compression", () => {
  test.each([
    ["gzip", gzipSync, gunzipSync],
    ["deflate", deflateSync, inflateSync],
  ] as const)("%s, of requests and of answers that ask for it", async (encoding, compress, decompress) => {
    const { app } = world();
    const ids = bytes("1");
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

describe("is refused", () => {
  const of = (inputs: readonly object[], more: object = {}): object => ({ inputs, ...more });
  const item = textInput("item", ["1"]);
  const binaryItem = (size: unknown, more: object = {}): object => ({
    name: "item",
    shape: [1, 1],
    datatype: "BYTES",
    parameters: { binary_data_size: size },
    ...more,
  });
  const mismatch = "input byte size mismatch for input 'item' for model 'tiny'";
  test.each<[string, object | string, string]>([
    ["no JSON", "nothing", "The body is not valid JSON."],
    ["an empty body", "", "The body is empty."],
    [
      "NaN in JSON",
      '{"inputs":[{"name":"item","shape":[1],"datatype":"BYTES","data":[NaN]}]}',
      "The body is not valid JSON.",
    ],
    ["a list", [], "The body: expected object"],
    ["null", "null", "The body: expected object"],
    ["no inputs", {}, '"inputs" is missing.'],
    ["inputs that are no list", { inputs: {} }, "inputs: expected array"],
    ["an input without a name", of([{ shape: [1], datatype: "BYTES" }]), '"inputs[0].name" is missing.'],
    [
      "no input",
      of([]),
      "expected inputs 'item' with or without 'user', or 'record' alone, for model 'tiny', got none.",
    ],
    ["a user alone", of([textInput("user", ["ann"])]), "expected inputs 'item'"],
    ["item and record", of([item, textInput("record", ["{}"])]), "expected inputs 'item'"],
    [
      "too many inputs",
      of([item, item, item, item]),
      "expected at most 3 inputs but got 4 inputs for model 'tiny'.",
    ],
    ["an input twice", of([item, item]), "input 'item' for model 'tiny' is given twice."],
    [
      "an unknown input",
      of([textInput("film", ["1"])]),
      "unexpected inference input 'film' for model 'tiny'. Known are user, item, record.",
    ],
    [
      "another type",
      of([{ ...item, datatype: "FP32" }]),
      "inference input 'item' data-type is 'FP32', but model 'tiny' expects 'BYTES'.",
    ],
    [
      "a type that there is not",
      of([{ ...item, datatype: "bytes" }]),
      "inference input 'item' data-type is 'bytes', but",
    ],
    ...[[], [1, 2], [1, 1, 1], [-1], [-1, 1], [1.5], ["1"], [1e300], null].map(
      (shape): [string, object, string] => [
        `shape ${JSON.stringify(shape)}`,
        of([textInput("item", ["1"], shape)]),
        "unexpected shape for input 'item' for model 'tiny'. Expected [-1,1], got ",
      ],
    ),
    [
      "a deep shape",
      `{"inputs":[{"name":"item","datatype":"BYTES","shape":${"[".repeat(1e5)}${"]".repeat(1e5)}}]}`,
      "The body is ambi",
    ],
    [
      "unequal batches",
      of([textInput("user", ["a"]), textInput("item", ["1", "2"])]),
      "input 'item' batch size does not match other inputs for 'tiny'.",
    ],
    [
      "a large batch",
      of([textInput("item", [], [1001, 1])]),
      "inference request batch-size must be <= 1000 for 'tiny'.",
    ],
    ["too few elements", of([textInput("item", ["1"], [2, 1])]), `${mismatch}: expecting 2 elements, got 1.`],
    [
      "too many elements",
      of([textInput("item", ["1", "2"], [1])]),
      `${mismatch}: expecting 1 elements, got 2.`,
    ],
    [
      "a number for a text",
      of([textInput("item", [1])]),
      "element 0 of input 'item' for model 'tiny' is no text.",
    ],
    [
      "no data",
      of([{ name: "item", shape: [1], datatype: "BYTES" }]),
      "data of input 'item' for model 'tiny' is no list.",
    ],
    [
      "data twice",
      of([binaryItem(0, { data: ["1"] })]),
      "input 'item' for model 'tiny' has both 'data' and 'binary_data_size'.",
    ],
    ["binary data that are not there", of([binaryItem(5)]), `${mismatch}. Expected 5, got 0.`],
    [
      "a negative size",
      of([binaryItem(-1)]),
      "inputs[0].parameters.binary_data_size: expected a whole number",
    ],
    [
      "a broken size",
      of([binaryItem(0.5)]),
      "inputs[0].parameters.binary_data_size: expected a whole number",
    ],
    [
      "an unknown output",
      of([item], { outputs: [{ name: "score" }] }),
      "unexpected inference output 'score' for model 'tiny'. Known are probability,",
    ],
    [
      "an output twice",
      of([item], { outputs: [{ name: "route" }, { name: "route" }] }),
      "inference output 'route' for model 'tiny' is asked for twice.",
    ],
    [
      "too many outputs",
      of([item], { outputs: Array.from({ length: 7 }, () => ({ name: "route" })) }),
      "expected at most 6 outputs but got 7",
    ],
    [
      "classes",
      of([item], { outputs: [{ name: "route", parameters: { classification: 2 } }] }),
      "'classification' of inference output 'route'",
    ],
    [
      "shared memory",
      of([{ ...item, parameters: { shared_memory_region: "a" } }]),
      "'shared_memory_region' of input 'item'",
    ],
    [
      "a flag that is none",
      of([item], { parameters: { binary_data_output: 1 } }),
      "parameters.binary_data_output: expected boolean",
    ],
    ["an id that is no text", of([item], { id: 5 }), "id: expected string"],
    [
      "a timeout that is none",
      of([item], { parameters: { timeout: "1s" } }),
      "parameters.timeout: expected number",
    ],
    [
      "a negative priority",
      of([item], { parameters: { priority: -1 } }),
      "parameters.priority: expected a whole number",
    ],
    ["another use of the LLM", of([item], { parameters: { llm: "maybe" } }), "parameters.llm: "],
    ["an empty item", of([textInput("item", ["1", ""])]), "[1].item: "],
    ["a record that is no JSON", of([textInput("record", ["{}}"])]), "record[0] is not valid JSON."],
    [
      "a record without an item",
      of([textInput("record", ['{"item":"1"}', "{}"])]),
      '"record[1].item" is missing.',
    ],
    [
      "a misspelt field of a record",
      of([textInput("record", ['{"itm":"1"}'])]),
      'There is no field "itm". (record[0].itm) Did you mean "item"?',
    ],
    [
      "a bad rating",
      of([textInput("record", ['{"item":"1","history":[{"item":"1","rating":"5"}]}'])]),
      "record[0].history[0].rating: expected number",
    ],
    [
      "unknown context",
      of([textInput("record", ['{"item":"1","context":{"a":1}}'])]),
      'There is no context "a". (record[0].context.a)',
    ],
  ])("%s", async (_, body, begins) => {
    const { app, toCrm, lines } = world();
    const response = await postInfer(app, body);
    const error = await errorOf(response);
    expect(error.slice(0, begins.length)).toBe(begins);
    expect(response.status).toBe(400);
    expect(toCrm).toEqual([]);
    expect(lines).toHaveLength(1);
  });

  test.each([
    [
      "bytes behind the last tensor",
      bytes("1"),
      Uint8Array.of(1),
      "input byte size mismatch: unexpected additional input data for model 'tiny', 1 bytes.",
    ],
    [
      "an element that is longer than its tensor",
      Uint8Array.of(9, 0, 0, 0, 65),
      undefined,
      `${mismatch}: expecting a text of 9 bytes, but only 1 bytes available.`,
    ],
    [
      "half a length",
      Uint8Array.of(1, 0),
      undefined,
      `${mismatch}: expecting 4 bytes of a length, but only 2 bytes available.`,
    ],
    [
      "a text that is not UTF-8",
      Uint8Array.of(1, 0, 0, 0, 0xff),
      undefined,
      "element 0 of input 'item' for model 'tiny' is not UTF-8.",
    ],
  ])("%s", async (_, blob, more, message) => {
    const [body, headers] = binaryBody(of([binaryItem(blob.length)]), blob, more ?? new Uint8Array());
    const response = await postInfer(world().app, body, { headers });
    expect([response.status, await errorOf(response)]).toEqual([400, message]);
  });
});

describe("time and failures", () => {
  test("a request's own time in microseconds is kept, 0 is no limit", async () => {
    const { app, failures, lines } = world();
    const timeout = (us: number): Promise<Response> =>
      postInfer(app, { ...items("2"), parameters: { timeout: us } });
    expect((await timeout(60e6)).status).toBe(200);
    expect((await timeout(2 ** 53)).status).toBe(200);
    expect((await timeout(0)).status).toBe(200);
    failures.crm = "hang";
    for (const us of [1, 20_000]) {
      const startedMs = performance.now();
      const response = await timeout(us);
      expect(performance.now() - startedMs).toBeLessThan(5000);
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
      expect(await errorOf(response)).toBe(`Request timeout expired: there was no answer within ${us} µs.`);
    }
    // A line for each request: it is no defect.
    expect(lines).toHaveLength(5);
  });

  test("without the LLM the CRM answers, and says so", async () => {
    const { app, failures } = world();
    failures.llm = new Error("secret");
    const columns = columnsOf(await messageOf(await postInfer(app, items("1", "2"))));
    expect(columns).toMatchObject({
      probability: [0.5, 0.9375],
      degraded: [true, false],
      route: ["crm", "crm"],
    });
  });

  test.each([
    [
      "a thread that ended",
      new CorellaError({ code: "bundle/lane", message: "secret" }),
      503,
      /^The model cannot answer at the moment/,
    ],
    ["a defect", new TypeError("secret"), 500, /^The server failed at this request/],
    [
      "a full queue",
      new CorellaError({ code: "serving/full", message: "x" }),
      503,
      /^Exceeds maximum queue size/,
    ],
    [
      "a wait that was too long",
      new CorellaError({ code: "serving/expired", message: "x" }),
      503,
      /^Request timeout expired/,
    ],
  ])("%s", async (_, failure, status, text) => {
    const { app, failures, lines } = world();
    failures.crm = failure;
    const response = await postInfer(app, items("2"));
    expect([response.status, response.headers.get("retry-after")]).toEqual([
      status,
      status === 503 ? (failure.message === "x" ? "1" : "5") : null,
    ]);
    const error = await errorOf(response);
    expect(error).toMatch(text);
    expect(error).not.toContain("secret");
    expect(lines.join("\n").includes("secret")).toBe(failure.message === "secret");
  });

  test("while the models are being loaded it is 503", async () => {
    const { app } = world({ predictor: new Promise(() => {}) });
    const response = await postInfer(app, items("2"));
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await errorOf(response)).toMatch(/^The models are being loaded\./);
  });

  test("a request that its sender gives up ends at once", async () => {
    const { app, failures, lines } = world();
    failures.crm = "hang";
    const abort = new AbortController();
    const answer = postInfer(app, items("2"), { signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    expect((await answer).status).toBe(499);
    expect(lines).toHaveLength(1);
  });
});
