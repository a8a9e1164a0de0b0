import { CorellaError } from "@corella/errors";
import { describe, expect, test } from "vitest";
import { world } from "../world.test-helper.ts";
import { encodeBinary } from "./datatypes.ts";
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
