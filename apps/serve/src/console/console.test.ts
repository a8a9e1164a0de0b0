import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { world } from "../world.test-helper.ts";
import { needsBuild } from "./build.ts";
import { openConsole } from "./console.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-console-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Writes files, each a second newer than the one before. */
async function write(...paths: string[]): Promise<void> {
  for (const [i, path] of paths.entries()) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), `content of ${path}`);
    await utimes(join(folder, path), 1_000_000 + i, 1_000_000 + i);
  }
}

describe("the files of a built console", () => {
  beforeEach(() => write("dist/index.html", "dist/assets/index-abc.js", "secret.txt"));
  const app = (): ReturnType<typeof world>["app"] => world({ console: openConsole(folder, () => {}) }).app;

  test("are served with their types; the page is asked for again, what has a hash in its name is not", async () => {
    const page = await app().request("/console/");
    expect(await page.text()).toBe("content of dist/index.html");
    expect(Object.fromEntries(page.headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
    });
    expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'self';(?!.*unsafe)/);
    const script = await app().request("/console/assets/index-abc.js");
    expect(await script.text()).toBe("content of dist/assets/index-abc.js");
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(script.headers.get("cache-control")).toContain("immutable");
  });

  test("are not sent again to whoever has them", async () => {
    const etag = (await app().request("/console/")).headers.get("etag")!;
    const again = await app().request("/console/", { headers: { "if-none-match": `"x", W/${etag}` } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect((await app().request("/console/", { headers: { "if-none-match": '"x"' } })).status).toBe(200);
  });

  test("are found from the address without a slash, behind a proxy's prefix too", async () => {
    const found = await app().request("/console");
    expect([found.status, found.headers.get("location")]).toEqual([308, "console/"]);
  });

  test.each([
    "/console/secret.txt",
    "/console/../secret.txt",
    "/console/..%2Fsecret.txt",
    "/console/%2e%2e%2fsecret.txt",
    "/console/assets/",
    "/console/assets/../index.html/x",
    "/console/assets%5C..%5Cindex.html",
    "/console/__proto__",
  ])("are all there is: %s leads nowhere", async (path) => {
    expect((await app().request(path)).status).toBe(404);
  });
});

test("a console is built where it never was, or its sources are newer", async () => {
  await write("src/main.tsx");
  expect(await needsBuild(folder)).toBe(true);
  await write("src/main.tsx", "package.json", "dist/index.html");
  expect(await needsBuild(folder)).toBe(false);
  await write("dist/index.html", "src/deep/part.tsx");
  expect(await needsBuild(folder)).toBe(true);
});

test("a build without sources is taken as it is", async () => {
  await write("dist/index.html");
  expect(await needsBuild(folder)).toBe(false);
});

test("a console that cannot be built is a sentence on its page and a line in the log, and an older one is served", async () => {
  await write("src/main.tsx", "package.json");
  await writeFile(join(folder, "package.json"), "{}");
  const lines: string[] = [];
  const { app } = world({ console: openConsole(folder, (line) => lines.push(line)) });
  const page = await app.request("/console/");
  expect(page.status).toBe(503);
  expect(await page.text()).toContain("could not be");
  expect(lines).toEqual([expect.stringContaining("the console could not be built")]);
  expect((await app.request("/health/live")).status).toBe(200);

  await write("dist/index.html", "src/main.tsx");
  const older = world({ console: openConsole(folder, (line) => lines.push(line)) });
  expect(await (await older.app.request("/console/")).text()).toBe("content of dist/index.html");
  expect(lines).toHaveLength(2);
});
