import { expect, test } from "vitest";
import { world } from "../world.test-helper.ts";

test("the page needs no other server: all that it names is here, and its policy forbids anything else", async () => {
  const { app } = world();
  const page = await app.request("/docs");
  const policy = page.headers.get("content-security-policy")!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  const html = await page.text();
  expect(html).not.toMatch(/<script>|<style|style=|https?:/);
  const named = [...html.matchAll(/(?:href|src)="(docs\/[^"]+)"/g)].map(([, file]) => file!);
  expect(named).toHaveLength(3);
  for (const file of named) {
    const response = await app.request(`/${file}`);
    expect(response.status, file).toBe(200);
    expect(response.headers.get("content-type")).toMatch(file.endsWith(".css") ? "text/css" : "javascript");
    expect((await response.text()).length, file).toBeGreaterThan(50);
  }
  const start = await (await app.request("/docs/start.js")).text();
  const document = /url: "([^"]+)"/.exec(start)![1]!;
  expect((await app.request(new URL(document, "http://server/docs").pathname)).status).toBe(200);
});

test("no other file of the package, and none beside it, can be had", async () => {
  const { app } = world();
  for (const file of [
    "index.html",
    "package.json",
    "..%2fpackage.json",
    "%2e%2e%2fpackage.json",
    "__proto__",
  ])
    expect((await app.request(`/docs/${file}`)).status, file).toBe(404);
});
