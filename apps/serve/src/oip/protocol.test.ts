import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createDrain } from "../operations/drain.ts";
import { world } from "../world.test-helper.ts";
import { appOf, errorOf, getJson, messageOf, named, postInfer, textInput } from "./oip-world.test-helper.ts";
import { inputs, outputs } from "./tensors.ts";

const one = { inputs: [textInput("item", ["2"])] };

describe("metadata", () => {
  const bytes = { datatype: "BYTES", shape: [-1, 1] };
  const fp32 = { datatype: "FP32", shape: [-1, 1] };
  const { app } = world();

  test.each(["/v2", "/v2/"])("of the server at %s", async (path) => {
    expect(await getJson(app, path)).toEqual({
      name: "corella",
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
      extensions: [
        "binary_tensor_data",
        "model_configuration",
        "model_repository",
        "parameters",
        "schedule_policy",
        "statistics",
      ],
    });
  });

  test.each(["/v2/models/tiny", "/v2/models/tiny/versions/abc"])("of a model at %s", async (path) => {
    expect(await getJson(app, path)).toEqual({
      name: "tiny",
      versions: ["abc"],
      platform: "corella",
      inputs: [
        { name: "user", ...bytes },
        { name: "item", ...bytes },
        { name: "record", ...bytes },
      ],
      outputs: [
        { name: "probability", ...fp32 },
        { name: "p_crm", ...fp32 },
        { name: "p_llm", ...fp32 },
        { name: "entropy", ...fp32 },
        { name: "degraded", datatype: "BOOL", shape: [-1, 1] },
        { name: "route", ...bytes },
      ],
    });
  });

  test("the configuration names types otherwise, and leaves the batch out", async () => {
    expect(await getJson(app, "/v2/models/tiny/config")).toMatchObject({
      name: "tiny",
      max_batch_size: 1000,
      input: [
        { name: "user", data_type: "TYPE_STRING", dims: [1], optional: true },
        { name: "item", data_type: "TYPE_STRING", dims: [1], optional: true },
        { name: "record", data_type: "TYPE_STRING", dims: [1], optional: true },
      ],
      output: [
        { name: "probability", data_type: "TYPE_FP32", dims: [1] },
        { name: "p_crm" },
        { name: "p_llm" },
        { name: "entropy" },
        { name: "degraded", data_type: "TYPE_BOOL" },
        { name: "route", data_type: "TYPE_STRING" },
      ],
    });
  });

  test("outputs are answered as metadata tell them", async () => {
    type Tensors = { outputs: { name: string; datatype: string; shape: number[] }[] };
    const described = (await getJson(app, "/v2/models/tiny")) as Tensors;
    const { json } = await messageOf(await postInfer(app, one));
    const answered = (json as Tensors).outputs.map(({ name, datatype }) => ({
      name,
      datatype,
      shape: [-1, 1],
    }));
    expect(answered).toEqual(described.outputs);
  });

  test("GET / lists all paths, and the page knows them and the tensors", async () => {
    const { endpoints } = (await getJson(app, "/")) as {
      endpoints: { method: string; path: string; purpose: string }[];
    };
    const listed = endpoints.filter(({ path }) => path.startsWith("/v2"));
    expect(listed).toHaveLength(18);
    expect(listed).toContainEqual({
      method: "POST",
      path: "/v2/models/{model}/versions/{version}/infer",
      purpose: "probabilities of up to 1,000 samples, as tensors",
    });
    const page = readFileSync(join(import.meta.dirname, "../../../../docs/serving-protocols.md"), "utf8");
    for (const { method, path } of listed) {
      const said = path.replace(
        /^\/v2\/models\/\{model\}(\/versions\/\{version\})?/,
        "/v2/models/M[/versions/V]",
      );
      expect(page).toContain(`\`${method} ${said.replace("{model}", "M")}\``);
    }
    for (const { name, datatype } of [...inputs, ...outputs])
      expect(page).toMatch(new RegExp(`^\\| \`${name}\` +\\| ${datatype} `, "m"));
  });
});

describe("health", () => {
  test("has a body that KServe's client can read", async () => {
    const { app } = world();
    expect(await getJson(app, "/v2/health/live")).toEqual({ live: true });
    expect(await getJson(app, "/v2/health/ready")).toEqual({ live: true, ready: true });
    expect(await getJson(app, "/v2/models/tiny/ready")).toEqual({ name: "tiny", ready: true });
    expect(await getJson(app, "/v2/models/tiny/versions/abc/ready")).toEqual({ name: "tiny", ready: true });
  });

  test("is 503 while a model is being loaded, and for that model alone", async () => {
    const loading = named("slow", "1", { predictor: new Promise(() => {}) });
    const app = appOf(world().deployment, loading.deployment);
    const statusOf = async (path: string): Promise<number> => (await app.request(path)).status;
    expect(await statusOf("/v2/health/live")).toBe(200);
    expect(await statusOf("/v2/models/tiny/ready")).toBe(200);
    for (const path of ["/v2/health/ready", "/v2/models/slow/ready"]) {
      const response = await app.request(path);
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ ready: false, error: "The models are being loaded." });
    }
  });

  test("is 503 once the server is about to stop, though it lives and answers on", async () => {
    const drain = createDrain();
    const { app } = world({ operations: { drain } });
    expect((await app.request("/v2/health/ready")).status).toBe(200);
    drain.begin();
    const response = await app.request("/v2/health/ready");
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      live: true,
      ready: false,
      error: "The server is about to stop.",
    });
    expect(await getJson(app, "/v2/health/live")).toEqual({ live: true });
    expect((await postInfer(app, one)).status).toBe(200);
  });

  test("is 503 after a model has failed, without internals", async () => {
    const { app, failures, lines } = world();
    failures.crm = new Error("secret");
    const response = await app.request("/v2/health/ready");
    expect(response.status).toBe(503);
    expect(await errorOf(response)).toBe("A model cannot answer at the moment.");
    expect(lines.join("\n")).toContain("secret");
  });
});

describe("several models and versions", () => {
  const [old, fresh, slashed] = [named("films", "1"), named("films", "2"), named("team a/films", "3")];
  const app = appOf(old.deployment, fresh.deployment, slashed.deployment);

  test("each is found by name and version, names with slashes too", async () => {
    const versionAt = async (model: string): Promise<unknown> => {
      const { json } = await messageOf(await postInfer(app, one, { model }));
      return (json as { model_version: unknown }).model_version;
    };
    expect(await versionAt("films")).toBe("1");
    expect(await versionAt("films/versions/2")).toBe("2");
    for (const name of ["team%20a/films", "team%20a%2Ffilms"]) {
      expect(await versionAt(name)).toBe("3");
      expect(await versionAt(`${name}/versions/3`)).toBe("3");
      expect(await getJson(app, `/v2/models/${name}`)).toMatchObject({
        name: "team a/films",
        versions: ["3"],
      });
      expect(await getJson(app, `/v2/models/${name}/ready`)).toMatchObject({ ready: true });
      expect(await getJson(app, `/v2/models/${name}/config`)).toMatchObject({ name: "team a/films" });
    }
    expect(await getJson(app, "/v2/models")).toEqual({ models: ["films", "team a/films"] });
    expect(await getJson(app, "/v2/models/films/versions/2")).toMatchObject({ versions: ["1", "2"] });
  });

  test.each([
    ["films/versions/3", "Request for unknown model: 'films' version '3' is not found."],
    ["other", "Request for unknown model: 'other' is not found."],
    ["a/b", "Request for unknown model: 'a/b' is not found."],
    ["%ff", "Request for unknown model: '%ff' is not found."],
    ["__proto__", "Request for unknown model: '__proto__' is not found."],
  ])("%s is 404 wherever it is asked for", async (model, begins) => {
    const responses = [await postInfer(app, one, { model })];
    for (const path of ["", "/ready", "/config", "/stats"])
      responses.push(await app.request(`/v2/models/${model}${path}`));
    for (const response of responses) {
      expect(response.status).toBe(404);
      expect((await errorOf(response)).startsWith(begins)).toBe(true);
    }
  });
});

describe("other paths and methods", () => {
  const { app } = world();
  test.each([
    "/v2/health",
    "/v2/health/started",
    "/v2/repository",
    "/v2/logging",
    "/v2//models/x",
    "/v2/model/tiny",
  ])("%s is 404", async (path) => {
    const response = await app.request(path);
    expect(response.status).toBe(404);
    expect(await errorOf(response)).toBe(`There is no ${path}. GET / lists all endpoints.`);
  });

  test.each([
    ["GET", "/v2/models/tiny/infer", "POST"],
    ["GET", "/v2/repository/index", "POST"],
    ["POST", "/v2", "GET"],
    ["DELETE", "/v2/models/tiny", "GET"],
    ["PUT", "/v2/models/tiny/versions/abc/infer", "POST"],
    ["OPTIONS", "/v2/health/ready", "GET"],
  ])("%s %s is 405", async (method, path, allowed) => {
    const response = await app.request(path, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, allowed]);
    expect(await errorOf(response)).toMatch(/^Method Not Allowed/);
  });

  test("HEAD is a GET without a body", async () => {
    const response = await app.request("/v2/health/ready", { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  test("what begins alike is none of the protocol", async () => {
    const response = await app.request("/v2x");
    expect(await response.json()).toMatchObject({ code: "serve/not-found" });
  });
});
