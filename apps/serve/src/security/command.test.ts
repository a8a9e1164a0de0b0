import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseKeys, createKeyring } from "./api-keys.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-command-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs the command until it ends. */
async function serve(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(
    process.execPath,
    ["--conditions=source", "--import", "tsx", join(import.meta.dirname, "../main.ts"), ...words],
    { cwd: join(import.meta.dirname, "../../../.."), stdio: ["ignore", "pipe", "pipe"] },
  );
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
