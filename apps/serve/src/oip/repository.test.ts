import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { oneDeployment } from "../deployment/deployments.ts";
import { world } from "../world.test-helper.ts";
import { appOf, errorOf, named } from "./oip-world.test-helper.ts";
import { openInferenceProtocol } from "./protocol.ts";

describe("the repository", () => {
  const index = async (app: Hono, body?: string): Promise<unknown> => {
    const response = await app.request("/v2/repository/index", {
      method: "POST",
      ...(body === undefined ? {} : { body }),
    });
    return response.status === 200 ? response.json() : [response.status, await errorOf(response)];
  };

  test("tells names, versions and states, or those that are ready alone", async () => {
    const loading = named("slow", "1", { predictor: new Promise(() => {}) });
    const failed = named("bad", "1", { predictor: Promise.reject(new Error("secret")) });
    await sleep(0);
    const app = appOf(world().deployment, loading.deployment, failed.deployment);
    const ready = { name: "tiny", version: "abc", state: "READY", reason: "" };
    const reason = "It could not be loaded; the server's log says why.";
    expect(await index(app)).toEqual([
      ready,
      { name: "slow", version: "1", state: "LOADING", reason: "" },
      { name: "bad", version: "1", state: "UNAVAILABLE", reason },
    ]);
    expect(await index(app, '{"ready":true}')).toEqual([ready]);
    expect(await index(app, '{"ready":false}')).toHaveLength(3);
    expect(await index(app, '{"ready":1}')).toEqual([400, "ready: expected boolean, received number."]);
    expect(await index(app, "{")).toEqual([400, "The body is not valid JSON. (line 1, column 2)"]);
  });

  test("loads and unloads nothing by itself", async () => {
    for (const action of ["load", "unload"]) {
      const response = await world().app.request(`/v2/repository/models/tiny/${action}`, {
        method: "POST",
        body: "{}",
      });
      expect(response.status).toBe(503);
      expect(await errorOf(response)).toMatch(/^explicit model load \/ unload is not allowed/);
    }
  });

  test("asks who can load and unload", async () => {
    const calls: string[] = [];
    const control = {
      load: async (name: string): Promise<void> => void calls.push(`load ${name}`),
      unload: async (name: string): Promise<void> => void calls.push(`unload ${name}`),
    };
    const { handle } = openInferenceProtocol(oneDeployment(world().deployment), { log: () => {}, control });
    const app = new Hono().all("/v2/*", handle);
    for (const action of ["load", "unload"]) {
      const response = await app.request(`/v2/repository/models/a/b/${action}`, {
        method: "POST",
        body: "{}",
      });
      expect([response.status, await response.json()]).toEqual([200, { name: "a/b", [action]: true }]);
    }
    expect(calls).toEqual(["load a/b", "unload a/b"]);
  });
});
