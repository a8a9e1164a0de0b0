import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPredictor } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import type { Hono } from "hono";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createApp } from "../app.ts";
import { createDeployment } from "../deployment/deployment.ts";
import { createDeployments, oneDeployment, type ServedDeployments } from "../deployment/deployments.ts";
import { bundleVersion } from "../deployment/info.ts";
import type { OpenedDeployment } from "../deployment/open-deployment.ts";
import { catalogue, histories, post, world, inputsOf } from "../world.test-helper.ts";
import { createReload, type Reload } from "./reload.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-reload-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Another manifest, another version. */
async function become(manifest: string): Promise<string> {
  await writeFile(join(folder, "manifest.json"), manifest);
  return createHash("sha256").update(manifest).digest("hex").slice(0, 12);
}

interface TestServer {
  readonly app: Hono;
  readonly deployments: ServedDeployments;
  readonly reload: Reload;
  readonly lines: string[];
  readonly disposed: string[];
  /** What the next bundle's models do when they are loaded. */
  next: { p: number; loaded: Promise<unknown>; fails?: Error };
}

/** A server of the bundle in the folder, whose CRM says one probability. */
async function server(): Promise<TestServer> {
  const { info, log, lines } = world({ only: "crm" });
  const disposed: string[] = [];
  const made: Pick<TestServer, "next"> = { next: { p: 0.125, loaded: Promise.resolve() } };
  let version = await become("first");
  const open = async (): Promise<OpenedDeployment> => {
    const { p, loaded, fails } = made.next;
    if (fails !== undefined) throw fails;
    const own = version;
    const crm = {
      score: async (records: readonly unknown[]) => Float32Array.from(records, () => p),
      dispose: async () => {},
    };
    return {
      folder,
      loaded,
      promptCuts: async () => undefined,
      dispose: async () => void disposed.push(own),
      deployment: createDeployment({
        predictor: createPredictor({ crm }),
        histories,
        catalogue,
        info: { ...info, bundle: { name: "tiny", version: own } },
        inputs: inputsOf(),
        example: { item: "1" },
        log,
      }),
    };
  };
  const deployments = createDeployments([await open()]);
  const source = {
    async folder() {
      version = (await bundleVersion(folder))!;
      return folder;
    },
    open,
  };
  const reload = createReload(deployments, [source], log);
  const app = createApp(deployments, { log, operations: { reload } });
  return Object.assign(made, { app, deployments, reload, lines, disposed });
}

const pathOfReload = "/v1/admin/reload";
const reloadOf = (app: Hono): Promise<[number, { readonly [name: string]: unknown }]> =>
  post(app, "", undefined, pathOfReload);

test("a bundle that has not changed is left alone", async () => {
  const { app, deployments, disposed } = await server();
  const [before] = deployments.all();
  expect(await reloadOf(app)).toEqual([
    200,
    { bundles: [{ name: "tiny", version: before!.info.bundle.version }] },
  ]);
  expect(deployments.all()[0]).toBe(before);
  expect(disposed).toEqual([]);
});

test("another version answers once it is loaded and warm, and the one before is disposed", async () => {
  const served = await server();
  const { app, disposed } = served;
  const first = await become("first");
  const second = await become("second");
  let warm: (value?: unknown) => void = () => {};
  served.next = { p: 0.75, loaded: new Promise((resolve) => (warm = resolve)) };
  const reloading = reloadOf(app);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await post(app, { item: "1" }))[1].probability).toBe(0.125);
  // Only one at a time.
  const [status, problem] = await reloadOf(app);
  expect([status, problem]).toMatchObject([409, { code: "serve/reload-running" }]);
  warm();
  expect(await reloading).toEqual([200, { bundles: [{ name: "tiny", version: second, replaced: first }] }]);
  const response = await app.request("/v1/score", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"item": "1"}',
  });
  expect(await response.json()).toMatchObject({ probability: 0.75 });
  expect(response.headers.get("corella-bundle")).toBe(`tiny/${second}`);
  await expect.poll(() => disposed).toEqual([first]);
});

test("no reload begins before the models of the last one are gone: there are two at most", async () => {
  const served = await server();
  const leave = served.deployments.enter();
  await become("second");
  await served.reload.now();
  expect((await reloadOf(served.app))[0]).toBe(409);
  leave();
  await served.reload.settled();
  expect(served.disposed).toHaveLength(1);
  expect((await reloadOf(served.app))[0]).toBe(200);
});

test.each(["opened", "loaded"])(
  "a bundle that cannot be %s leaves the one before, and says why",
  async (when) => {
    const served = await server();
    const { app, lines, disposed } = served;
    const second = await become("second");
    const damaged = new CorellaError({ code: "bundle/damaged", message: "It is damaged." });
    if (when === "opened") served.next = { p: 0.75, loaded: Promise.resolve(), fails: damaged };
    else {
      const loaded = Promise.reject<unknown>(damaged);
      loaded.catch(() => {}); // as of a real one: whoever waits hears of it
      served.next = { p: 0.75, loaded };
    }
    const [status, problem] = await reloadOf(app);
    expect([status, problem]).toMatchObject([
      500,
      {
        code: "serve/reload-failed",
        detail: expect.stringContaining("bundle/damaged: It is damaged.") as string,
      },
    ]);
    expect(lines.join("\n")).toContain("is served on, the reload failed: error [bundle/damaged]");
    expect((await post(app, { item: "1" }))[1].probability).toBe(0.125);
    expect(disposed).toEqual(when === "opened" ? [] : [second]);
    // Mended, it is loaded.
    served.next = { p: 0.75, loaded: Promise.resolve() };
    await served.reload.settled();
    expect((await reloadOf(app))[0]).toBe(200);
    expect((await post(app, { item: "1" }))[1].probability).toBe(0.75);
  },
);

test("without a reload to ask for there is no such endpoint", async () => {
  const { deployment, log } = world();
  const app = createApp(oneDeployment(deployment), { log });
  expect((await post(app, "", undefined, pathOfReload))[0]).toBe(404);
});
