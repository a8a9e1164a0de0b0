import { expect, test } from "vitest";
import { createApp } from "../app.ts";
import { oneDeployment } from "../deployment/deployments.ts";
import { post, world } from "../world.test-helper.ts";
import { createLog, together } from "./log.ts";

/** An app that logs as JSON, and what it has logged. */
function logged(verbose = false): {
  app: ReturnType<typeof createApp>;
  lines: () => Record<string, unknown>[];
} {
  const written: string[] = [];
  const log = createLog("json", { write: (text) => written.push(text) });
  const { deployment } = world({ log });
  const app = createApp(oneDeployment(deployment), { log, verbose });
  const lines = (): Record<string, unknown>[] =>
    written.map((line) => {
      expect(line.endsWith("}\n")).toBe(true);
      return JSON.parse(line) as Record<string, unknown>;
    });
  return { app, lines };
}

test("a request is a JSON line with its id, and without ids of users or items", async () => {
  const { app, lines } = logged();
  const response = await app.request("/v1/score", {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "from-the-balancer.1" },
    body: '{"user": "secret-user", "item": "secret-item"}',
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("x-request-id")).toBe("from-the-balancer.1");
  const [line] = lines();
  expect(line).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    request: "from-the-balancer.1",
    endpoint: "/v1/score",
    method: "POST",
    status: 200,
    ms: expect.any(Number) as number,
    bundles: ["tiny/abc"],
    msg: expect.stringMatching(/^POST \/v1\/score 200 \d+\.\d ms$/) as string,
  });
  expect(JSON.stringify(lines())).not.toContain("secret");
});

test("an id that is no id is replaced, and each request has its own", async () => {
  const { app } = logged();
  const idOf = async (told: string): Promise<string | null> =>
    (await app.request("/health/live", { headers: { "x-request-id": told } })).headers.get("x-request-id");
  const [one, other] = [await idOf("two words"), await idOf("x".repeat(129))];
  for (const id of [one, other]) expect(id).toMatch(/^[\da-f-]{36}$/);
  expect(one).not.toBe(other);
  expect(await idOf("x".repeat(128))).toBe("x".repeat(128));
});

test("what goes wrong within a request has the request's id", async () => {
  const written: string[] = [];
  const log = createLog("json", { write: (text) => written.push(text) });
  const { app, failures } = world({ log });
  failures.crm = new TypeError("a defect");
  await post(app, { item: "1" });
  const [defect, request] = written.map((line) => JSON.parse(line) as Record<string, string>);
  expect(defect!["msg"]).toContain("a defect");
  expect(defect!["level"]).toBe("error");
  expect(defect!["request"]).toBe(request!["request"]);
});

test("bodies are logged only where they are asked for", async () => {
  const { app, lines } = logged(true);
  await post(app, '{"user": "ann", "item": "1"}');
  expect(lines()[0]!["msg"]).toContain("ann");
});

test("a terminal gets the bare messages", () => {
  const written: string[] = [];
  createLog("text", { write: (text) => written.push(text) })("GET / 200 1.0 ms", { status: 200 });
  expect(written).toEqual(["GET / 200 1.0 ms\n"]);
});

test("lines of one turn are written in one call, the last ones when the process ends", async () => {
  const written: string[] = [];
  const before = process.listeners("exit");
  const output = together({ write: (text) => written.push(text) });
  output.write("a\n");
  output.write("b\n");
  expect(written).toEqual([]);
  await new Promise(setImmediate);
  expect(written).toEqual(["a\nb\n"]);
  output.write("c\n");
  const atExit = process.listeners("exit").filter((listener) => !before.includes(listener));
  for (const listener of atExit) listener(0);
  await new Promise(setImmediate);
  expect(written).toEqual(["a\nb\n", "c\n"]);
  for (const listener of atExit) process.off("exit", listener);
});
