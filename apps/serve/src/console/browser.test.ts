import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveTinyBundle } from "@corella/bundle/testing";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HttpServer } from "../http/listen.ts";
import {
  accessibilityProblems,
  chromiumPath,
  launchChromium,
  openPage,
  tabTo,
} from "./chromium.test-helper.ts";
import { endAll, ready, start } from "../served-process.test-helper.ts";
import { standIns } from "./stand-ins.test-helper.ts";

if (chromiumPath === undefined)
  process.stdout.write(
    "The console is not tested in a browser: there is no Chromium, see CORELLA_CHROMIUM.\n",
  );

describe.skipIf(chromiumPath === undefined)("the console in Chromium", () => {
  let folder: string;
  let upstream: string;
  let server: HttpServer;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "corella-browser-"));
    await saveTinyBundle(join(folder, "bundle"));
    const serving = start("--bundle", join(folder, "bundle"), "--port", "0");
    [upstream, browser] = await Promise.all([ready(serving), launchChromium()]);
    server = await standIns(upstream);
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await server.close(0);
    endAll();
    await rm(folder, { recursive: true });
  });

  const names = (page: Page): Promise<string[]> => page.locator(".candidates .name").allTextContents();

  test("by keyboard alone: find a user, edit the history, rank, see why, watch, and turn the budget", async () => {
    const { page, offences } = await openPage(browser, `${server.url}/console`, { width: 1280, dark: false });
    await tabTo(page, "Find a user");
    await page.keyboard.type("USER-4");
    await page.getByRole("option").first().waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "User user-4" }).waitFor();

    await tabTo(page, "Add 10 popular");
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await names(page)).length).toBe(10);
    await tabTo(page, "Rank");
    await page.keyboard.press("Enter");
    await page.getByText(/^10 ranked in [\d.]+ ms, the LLM answered \d/).waitFor();
    const probabilities = (await page.locator(".candidates .probability").allTextContents()).map(Number);
    expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a));
    const routes = await page.locator(".candidates .badge").allTextContents();
    expect(new Set(routes)).toEqual(new Set(["CRM", "LLM"]));

    const asked = (await names(page))[routes.indexOf("LLM")]!;
    await tabTo(page, `why ${asked}`);
    await page.keyboard.press("Enter");
    await page.getByText("The LLM's answer takes the CRM's place.").waitFor();
    await page.getByRole("img", { name: /^entropy 0\.6\d+, above the threshold 0\.600$/ }).waitFor();
    await page.getByRole("img", { name: /^CRM 0\.\d+, LLM 0\.\d+, answer 0\.\d+$/ }).waitFor();
    await tabTo(page, "Prompt to the LLM");
    await page.keyboard.press("Enter");
    expect(await page.getByRole("group", { name: "prompt" }).textContent()).toContain("user");
    expect(await accessibilityProblems(page)).toEqual([]);

    const events = page.locator(".history li");
    expect(await events.count()).toBe(6);
    const [first, second] = await page.locator(".history .name").allTextContents();
    await tabTo(page, `rating of ${first}`);
    await page.keyboard.press("Control+A");
    await page.keyboard.type("2.5");
    await tabTo(page, `${first} later`);
    await page.keyboard.press("Enter");
    expect(await page.locator(".history .name").allTextContents()).toMatchObject({ 0: second, 1: first });
    expect(await page.getByLabel(`rating of ${first}`).first().inputValue()).toBe("2.5");
    await tabTo(page, `remove ${second}`);
    await page.keyboard.press("Enter");
    expect(await events.count()).toBe(5);
    await tabTo(page, "Add an event");
    await page.keyboard.type("hill");
    await page.getByRole("option").first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    expect(await events.count()).toBe(6);
    await page.getByText("Changed since: rank again.").waitFor();
    await tabTo(page, "Rank");
    await page.keyboard.press("Enter");
    await page.getByText(/the LLM answered \d+\.$/).waitFor();
    const again = (await page.locator(".candidates .probability").allTextContents()).map(Number);
    expect(again).not.toEqual(probabilities);

    await tabTo(page, "Live metrics");
    await page.keyboard.press("Enter");
    await page.getByRole("cell", { name: "3", exact: true }).waitFor();
    await page.getByRole("img", { name: "histogram of 20 entropies" }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);

    await tabTo(page, "LLM share");
    await page.keyboard.press("Enter");
    await tabTo(page, "Share of the samples that the LLM answers");
    await page.keyboard.press("Home");
    for (let i = 0; i < 25; i++) await page.keyboard.press("ArrowRight");
    // Half way between what 0 % and 50 % bring.
    await page.getByText("0.7250").waitFor();
    await page.getByText("+0.0250 against the CRM alone").waitFor();
    expect(await page.locator("output").textContent()).toBe("25 %");
    // Of 50 ms for each row, as the metrics say: 100 a second, a quarter of them.
    await page.getByText("125 %").waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(offences).toEqual([]);
  }, 180_000);

  test("in the dark, on a phone: nothing is wider than the screen, and axe finds nothing", async () => {
    const { page, offences } = await openPage(browser, `${server.url}/console/`, { width: 360, dark: true });
    await page.getByRole("button", { name: "Add 10 popular" }).click();
    await page.getByRole("button", { name: "Rank" }).click();
    await page.getByText(/^10 ranked/).waitFor();
    await page.getByRole("button", { name: /^why/ }).first().click();
    await page.getByText("The entropy of the CRM's answer is").waitFor();
    await page.getByLabel("Add a candidate").fill("s");
    await page.getByRole("option").first().waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    for (const [link, sign] of [
      ["Live metrics", "rows waiting"],
      ["LLM share", "as served"],
    ] as const) {
      await page.getByRole("link", { name: link }).click();
      await page.getByText(sign).first().waitFor();
      expect(await accessibilityProblems(page)).toEqual([]);
    }
    const background = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(background).toBe("rgb(16, 21, 28)");
    expect(offences).toEqual([]);
  });

  test("what goes wrong is told, with what to do", async () => {
    const { page } = await openPage(browser, `${server.url}/console/`, { width: 800, dark: false });
    await page.route("**/v1/rank", (route) =>
      route.fulfill({
        status: 503,
        json: { title: "Too busy", detail: "All is full.", remedy: "Wait a little." },
      }),
    );
    await page.getByRole("button", { name: "Add 10 popular" }).click();
    await page.getByRole("button", { name: "Rank" }).click();
    expect(await page.getByRole("alert").textContent()).toBe("All is full. Wait a little.");
    await page.getByRole("combobox", { name: "Find a user" }).fill("nobody");
    await page.getByRole("option", { name: "nobody look up this id" }).click();
    await page.getByText("Nothing is known of this user.").waitFor();
  });

  test("a server that wants a key gets it from whoever looks, and it stays in this tab", async () => {
    const locked = await standIns(upstream, { key: "right" });
    const { page, offences } = await openPage(browser, `${locked.url}/console/`, { width: 800, dark: true });
    await page.getByRole("textbox", { name: "API key" }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.keyboard.type("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("The last key was refused.").waitFor();
    await page.keyboard.type("right");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "An invented user" }).waitFor();
    expect(
      await page.evaluate("[JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie]"),
    ).toEqual(['{"corella-key":"right"}', "{}", ""]);
    expect(offences).toEqual([]);
    await locked.close(0);
  });
});
