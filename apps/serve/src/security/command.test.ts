import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveTinyBundle } from "@corella/bundle/testing";
import { startCommand } from "@corella/terminal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKeyring, parseKeys } from "./api-keys.ts";
import { createKey } from "./keys-file.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-command-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs the command until it ends. */
async function serve(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = startCommand("serve", ...words);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number];
  return { code, stdout, stderr };
}

test("`keys create` prints a key that its file lets in, and a name that is taken is refused", async () => {
  const file = join(folder, "keys.yaml");
  const made = await serve("keys", "create", "--name", "shop", "--scopes", "score,events", "--keys", file);
  expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^corella_[\w-]{43}\n$/)]);
  const text = await readFile(file, "utf8");
  expect(createKeyring(parseKeys(text, file)).find(made.stdout.trim())).toMatchObject({
    name: "shop",
    scopes: ["score", "events"],
  });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const again = await serve("keys", "create", "--name", "shop", "--scopes", "score", "--keys", file);
  expect([again.code, again.stdout]).toEqual([1, ""]);
  expect(again.stderr).toContain("error [serve/bad-keys]");
  const unknown = await serve("keys", "create", "--name", "b", "--scopes", "everything", "--keys", file);
  expect(unknown.stderr).toContain('error [serve/bad-option] "everything" is no scope.');
  expect(await readFile(file, "utf8")).toBe(text);
}, 120_000);

test("a server that anybody could reach is not started, before anything is loaded", async () => {
  const { code, stderr } = await serve("--host", "0.0.0.0", "--runs", join(folder, "nowhere"));
  expect(code).toBe(1);
  expect(stderr).toContain("error [serve/unprotected]");
  expect(stderr).toContain("at: --host");
  expect(stderr).toContain("--no-auth");
  // Said so, it looks for a bundle.
  const open = await serve("--host", "0.0.0.0", "--no-auth", "--runs", join(folder, "nowhere"));
  expect(open.stderr).toContain("error [bundle/none]");
}, 120_000);

test("a running server asks for keys, keeps to their rates, and answers under its own name alone", async () => {
  const bundle = join(folder, "bundle");
  await saveTinyBundle(bundle, ["crm"]);
  const file = join(folder, "running.yaml");
  const key = await createKey(file, { name: "shop", scopes: ["score"], limit: { requests: 0.02 } });
  const child = startCommand(
    "serve",
    ..."--log text --port 0 --bundle".split(" "),
    bundle,
    "--keys",
    file,
    "--store",
    join(folder, "events.db"),
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const urlOf = (): string | undefined => /at (http:\S+) \(\d+ ms to load\)/.exec(output)?.[1];
  await expect.poll(urlOf, { timeout: 60_000 }).toBeDefined();
  const url = urlOf()!;
  const ask = async (path: string, body: object, headers: Record<string, string> = {}): Promise<number> => {
    const init = { method: "POST", headers: { "content-type": "application/json", ...headers } };
    return (await fetch(url + path, { ...init, body: JSON.stringify(body) })).status;
  };
  const shown = { authorization: `Bearer ${key}` };
  expect(await ask("/v1/score", { item: "i1" })).toBe(401);
  expect(await ask("/v1/score", { item: "i1" }, shown)).toBe(200);
  expect(await ask("/v1/events", { user: "u", item: "i1", rating: 4 }, shown)).toBe(403);
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  expect(await ask("/v1/score", { item: "i1" }, shown)).toBe(429); // one in 50 seconds
  // fetch has no word in its host.
  const host = await new Promise((resolve, reject) => {
    get(`${url}/health/live`, { headers: { host: "evil.example" } }, (answer) =>
      resolve(answer.statusCode),
    ).on("error", reject);
  });
  expect(host).toBe(403);
  child.kill("SIGTERM");
  const [code] = (await once(child, "close")) as [number];
  expect(code).toBe(0);
  expect(output).not.toContain(key.slice(8));
  expect(output).toMatch(/^POST \/v1\/score 200 [\d.]+ ms by shop$/m);
}, 120_000);
