import { existsSync } from "node:fs";
import axe from "axe-core";
import { chromium, type Browser, type Page } from "playwright-core";

/** A Chromium of this machine: named by CORELLA_CHROMIUM, or where Linux distributions put it. */
export const chromiumPath: string | undefined = [
  process.env["CORELLA_CHROMIUM"] ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== "" && existsSync(path));

/** Starts that Chromium. In containers tests run as root, where its sandbox refuses to start. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath!, args: ["--no-sandbox"] });
}

/** A page that is watched. */
export interface WatchedPage {
  readonly page: Page;
  /** What it must not do: ask another server, break its Content-Security-Policy, fail. */
  readonly offences: string[];
}

/** Opens a page of a size, in the dark or not. */
export async function openPage(
  browser: Browser,
  url: string,
  look: { readonly width: number; readonly dark: boolean },
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: 900 },
    colorScheme: look.dark ? "dark" : "light",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const offences: string[] = [];
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) offences.push(`asked ${request.url()}`);
  });
  page.on("pageerror", (error) => offences.push(error.message));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) offences.push(message.text());
  });
  await page.goto(url);
  return { page, offences };
}

/** What axe finds wrong, a line each; also where a page is wider than its screen. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe: run } = globalThis as unknown as { axe: typeof axe };
    const { violations } = await run.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(" ")} ${node.failureSummary ?? ""}`),
    );
  });
  const overflow = await page.evaluate(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
  return overflow === 0 ? found : [...found, `wider than the screen by ${String(overflow)} px`];
}

/** Presses Tab until what is called so has the focus. */
export async function tabTo(page: Page, name: string): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 150; presses++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(`(() => {
      const { activeElement: it } = document;
      if (it === null || it === document.body) return "";
      return it.getAttribute("aria-label") ?? it.labels?.[0]?.textContent ?? it.textContent;
    })()`);
    const label = String(focused).trim();
    if (label === name || label.startsWith(`${name} `)) return;
    seen.push(label);
  }
  throw new Error(`Tab does not reach "${name}", but ${seen.join(" | ")}`);
}
