import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { formatError } from "@corella/errors";
import { Command } from "commander";
import { chromium, type Browser, type Page } from "playwright-core";

// Makes docs/images/console.png and console-phone.png of a server that runs, as a visitor would see it.

interface Options {
  readonly url: string;
  readonly user?: string;
  readonly chromium: string;
  readonly out: string;
}

const command = new Command("console-pictures")
  .description("Pictures of the console of a running server, for the documentation.")
  .requiredOption("--url <address>", "the server, http://127.0.0.1:8080")
  .option("--user <id>", "for whom is ranked; default: the first user that is found")
  .option(
    "--chromium <file>",
    "Chromium; default: CORELLA_CHROMIUM, or /usr/bin/chromium",
    process.env["CORELLA_CHROMIUM"] ?? "/usr/bin/chromium",
  )
  .option("--out <folder>", "where they go", "docs/images")
  .action(run);

async function run({ url, user, chromium: executablePath, out }: Options): Promise<void> {
  await mkdir(out, { recursive: true });
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const desktop = await open(browser, url, { width: 1080, height: 1010, colorScheme: "light" });
    await rank(desktop, user);
    await desktop.screenshot({ path: join(out, "console.png") });
    const phone = await open(browser, url, { width: 360, height: 740, colorScheme: "dark" });
    await rank(phone, user);
    await phone.getByRole("heading", { name: "Candidates" }).scrollIntoViewIfNeeded();
    await phone.evaluate("document.querySelector('.candidates').scrollIntoView()");
    await phone.screenshot({ path: join(out, "console-phone.png") });
  } finally {
    await browser.close();
  }
}

async function open(
  browser: Browser,
  url: string,
  { colorScheme, ...viewport }: { width: number; height: number; colorScheme: "light" | "dark" },
): Promise<Page> {
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  await page.goto(`${url}/console`);
  return page;
}

/** Ranks ten popular items for a user, and asks why the first one whom the LLM was asked about went there. */
async function rank(page: Page, user = ""): Promise<void> {
  const search = page.getByRole("combobox", { name: "Find a user" });
  await search.click();
  await search.fill(user);
  // Whoever is offered before anything is typed may be somebody else.
  const offered = page.getByRole("option").first();
  while (!((await offered.textContent()) ?? "").startsWith(user)) await page.waitForTimeout(50);
  await offered.click();
  await page.getByRole("heading", { name: /^User / }).waitFor();
  await page.getByRole("button", { name: /^Add \d+ popular/ }).click();
  await page.getByRole("button", { name: "Rank" }).click();
  await page.getByText(/^\d+ ranked/).waitFor();
  const rows = page.locator(".candidates > li");
  const asked = rows.filter({ has: page.locator(".badge.llm") });
  const chosen = (await asked.count()) > 0 ? asked.first() : rows.first();
  await chosen.getByRole("button", { name: /^why/ }).click();
  await page.getByText("Asking for the details").waitFor({ state: "detached" });
  await page.getByText("Everything else").waitFor();
}

try {
  await command.parseAsync();
} catch (error) {
  process.stderr.write(`${formatError(error)}\n`);
  process.exitCode = 1;
}
