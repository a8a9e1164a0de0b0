import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKey, listKeys, removeKey, watchKeys } from "./keys-file.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-keys-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a new key is in its file as a hash only, which its owner alone may read; what stood there stays", async () => {
  const path = join(folder, "keys.yaml");
  const first = await createKey(path, { name: "shop", scopes: ["score", "events"] });
  await writeFile(path, (await readFile(path, "utf8")).replace("keys:", "# of the shop\nkeys:"));
  const second = await createKey(path, { name: "graphs", scopes: ["metrics"], limit: { requests: 1 } });
  expect(first).toMatch(/^corella_[\w-]{43}$/);
  expect(second).not.toBe(first);
  const text = await readFile(path, "utf8");
  expect(text).toContain("# of the shop");
  for (const key of [first, second]) expect(text).not.toContain(key.slice(8));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const keys = await watchKeys(path, { log: () => {} });
  expect(keys.current().find(first)).toMatchObject({ name: "shop", scopes: ["score", "events"] });
  expect(keys.current().find(second)).toMatchObject({ name: "graphs", limit: { requests: 1 } });
  keys.close();
  await expect(createKey(path, { name: "shop", scopes: ["score"] })).rejects.toMatchObject({
    code: "serve/bad-keys",
    place: path,
  });
  expect(await readFile(path, "utf8")).toBe(text);
});

test("a key that is added works, one that is taken out does not, and a file that cannot be read changes nothing", async () => {
  const path = join(folder, "watched.yaml");
  const first = await createKey(path, { name: "first", scopes: ["score"] });
  const lines: string[] = [];
  const keys = await watchKeys(path, { log: (line) => lines.push(line), everyMs: 20 });
  const second = await createKey(path, { name: "second", scopes: ["score"] });
  await expect.poll(() => keys.current().find(second)?.name).toBe("second");
  await writeFile(path, "keys: 3");
  await expect.poll(() => lines.join("\n")).toContain("the keys stay as they were: error [config/invalid]");
  expect(keys.current().find(first)?.name).toBe("first");
  await rm(path);
  await expect.poll(() => lines.join("\n")).toContain("serve/keys-missing");
  expect(keys.current().size).toBe(2);
  await writeFile(path, "keys: []");
  await expect.poll(() => keys.current().size).toBe(0);
  keys.close();
  await expect(watchKeys(join(folder, "nowhere"), { log: () => {} })).rejects.toMatchObject({
    code: "serve/keys-missing",
  });
});

test("a key that is removed is out of the file, all else in it stays", async () => {
  const path = join(folder, "removed.yaml");
  await createKey(path, { name: "first", scopes: ["score"] });
  await createKey(path, { name: "second", scopes: ["score", "events"], limit: { requests: 5 } });
  await writeFile(path, (await readFile(path, "utf8")).replace("keys:", "# of the shop\nkeys:"));
  await expect(removeKey(path, "third")).rejects.toMatchObject({
    code: "serve/bad-keys",
    place: path,
    remedy: "It has first, second.",
  });
  await removeKey(path, "first");
  expect(await listKeys(path)).toMatchObject([
    { name: "second", scopes: ["score", "events"], limit: { requests: 5 } },
  ]);
  expect(await readFile(path, "utf8")).toContain("# of the shop");
  await removeKey(path, "second");
  expect(await listKeys(path)).toEqual([]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await createKey(path, { name: "first", scopes: ["score"] });
  expect(await listKeys(path)).toHaveLength(1);
  await expect(removeKey(join(folder, "nowhere"), "a")).rejects.toMatchObject({ code: "serve/keys-missing" });
});
