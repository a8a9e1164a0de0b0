import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import axe from "axe-core";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokenLinks } from "./check-links.ts";

// Not at the root: every link has to know the path.
const base = "/some/where/";

let folder: string;
let site: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-site-"));
  site = join(folder, "site");
  // In a process without the variables by which Vite knows that it is tested. The reference is that of three small
  // packages: that of all takes half a minute, and its links are checked wherever the site is built.
  const { VITEST: _, NODE_ENV: __, ...env } = process.env;
  const options = ["--base", base, "--out", site, "--packages", "errors,files,random"];
  const command = ["--import", import.meta.resolve("tsx"), join(import.meta.dirname, "main.ts"), ...options];
  await promisify(execFile)(process.execPath, command, { env });
}, 600_000);

afterAll(() => rm(folder, { recursive: true }));

test("the site has a page for every document, and no link, anchor or image of it leads nowhere", async () => {
  const pages = [
    "index",
    "errors",
    "tutorials/ten-minutes",
    "results/crm",
    "packages/crm",
    "decisions/index",
  ];
  for (const page of pages) expect(existsSync(join(site, `${page}.html`)), page).toBe(true);
  expect(await readFile(join(site, "api/@corella/errors.html"), "utf8")).toContain("nearestName");
  expect(await brokenLinks(site, base)).toEqual([]);
  // Under another path all links are wrong.
  expect((await brokenLinks(site, "/else/")).length).toBeGreaterThan(100);
});

test("the method page leads from an equation to its line", async () => {
  const html = await readFile(join(site, "method.html"), "utf8");
  const [, line] = /recipes\/corella\.ts\.html#L(\d+)"/.exec(html)!;
  const source = await readFile(join(site, "source/packages/alignment/src/recipes/corella.ts.html"), "utf8");
  expect(source).toContain(`id="L${line!}"`);
});

const chromiumPath = [
  process.env["CORELLA_CHROMIUM"] ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== "" && existsSync(path));

if (chromiumPath === undefined)
  process.stdout.write("The site is not tested in a browser: there is no Chromium, see CORELLA_CHROMIUM.\n");

describe.skipIf(chromiumPath === undefined)("the site in Chromium", () => {
  let browser: Browser;
  let server: Server;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = decodeURIComponent(new URL(request.url!, "http://site").pathname);
      const file = path.startsWith(base) ? path.slice(base.length) || "index.html" : "404.html";
      readFile(join(site, file)).then(
        (content) => response.setHeader("content-type", types[extname(file)] ?? "text/plain").end(content),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    // In containers tests run as root, where its sandbox refuses to start.
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ["--no-sandbox"] });
  });

  afterAll(async () => {
    await browser.close();
    server.close();
  });

  test.each([
    ["at a desk, in the light", 1280, false],
    ["on a phone, in the dark", 360, true],
  ] as const)(
    "%s: axe finds nothing, nothing is wider than the screen or asks another server",
    async (_, width, dark) => {
      const context = await browser.newContext({
        viewport: { width, height: 900 },
        colorScheme: dark ? "dark" : "light",
      });
      const page = await context.newPage();
      const offences: string[] = [];
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      page.on("request", (request) => {
        const url = request.url();
        if (!url.startsWith("data:") && new URL(url).origin !== origin) offences.push(`asked ${url}`);
      });
      page.on("pageerror", ({ message }) => offences.push(message));
      for (const path of ["", "tutorials/ten-minutes.html", "comparison.html", "api/@corella/errors.html"]) {
        await page.goto(`${origin}${base}${path}`);
        expect(await problems(page), path).toEqual([]);
      }
      await page.keyboard.press("Control+k");
      await page.getByRole("searchbox").fill("routing budgets");
      await page.getByRole("option").first().click();
      await page.getByRole("heading", { name: "Routing budgets", level: 1 }).waitFor();
      expect(offences).toEqual([]);
      await context.close();
    },
    180_000,
  );
});

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** What axe finds wrong, a line each; also where a page is wider than its screen. */
async function problems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe: run } = globalThis as unknown as { axe: typeof axe };
    const { violations } = await run.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(" ")} ${node.failureSummary ?? ""}`),
    );
  });
  const overflow = Number(
    await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
  );
  return overflow === 0 ? found : [...found, `wider than the screen by ${overflow} px`];
}
