import { createHmac } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createApp } from "../app.ts";
import { createDeployments } from "../deployment/deployments.ts";
import { world } from "../world.test-helper.ts";
import { openShown, type ShownOptions } from "./shown.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-shown-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** What is kept of a request about two samples. */
async function keptOf(options: Partial<ShownOptions>): Promise<Record<string, unknown>[]> {
  const path = join(folder, "shown.jsonl");
  const { deployment, log } = world();
  const shown = await openShown({ path, maxBytes: 1e6, log, ...options });
  const deployments = createDeployments([{ deployment, dispose: async () => {} }], { onAnswers: shown.add });
  await createApp(deployments, { log }).request("/v1/score", {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "req-1" },
    body: JSON.stringify({ samples: [{ user: "ann@example.org", item: "1" }, { item: "2" }] }),
  });
  await shown.close();
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  await rm(path);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("what was answered, with the user's pseudonym", async () => {
  const key = "a key of some length";
  const [first, second] = await keptOf({ key });
  expect(first).toEqual({
    time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    request: "req-1",
    user: createHmac("sha256", key).update("ann@example.org").digest("base64url").slice(0, 22),
    item: "1",
    probability: 0.25,
    route: "llm",
    bundle: "tiny",
    version: "abc",
  });
  expect(second).toMatchObject({ item: "2", probability: 0.9375, route: "crm" });
  expect(second).not.toHaveProperty("user");
});

test("without a key pseudonyms end with the process, and ids are kept only where they are asked for", async () => {
  const userOf = async (options: Partial<ShownOptions>): Promise<unknown> =>
    (await keptOf(options))[0]!["user"];
  const [one, other] = [await userOf({}), await userOf({})];
  expect(one).toMatch(/^[\w-]{22}$/);
  expect(one).not.toBe(other);
  expect(await userOf({ users: true })).toBe("ann@example.org");
});

test("a file that cannot be opened is told at the start", async () => {
  const path = join(folder, "nowhere", "shown.jsonl");
  await expect(openShown({ path, maxBytes: 1, log: () => {} })).rejects.toMatchObject({
    code: "serve/shown",
    place: path,
  });
});
