import { readFile, watch } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { createServer } from "vitepress";
import { writeApiPages } from "./api.ts";
import { buildSite } from "./build-site.ts";
import { follow } from "./follow/follow.ts";
import { isForeignFolder } from "./foreign-folder.ts";
import { writePages } from "./write-pages.ts";

const repository = join(import.meta.dirname, "../../..");
const pages = join(import.meta.dirname, "../.cache/pages");

interface Options {
  readonly out?: string;
  readonly base: string;
  readonly packages?: string;
  readonly dev?: true;
  readonly follow?: string;
}

const program = new Command("site")
  .description(
    "The site of the documents in docs/ and of the packages' docstrings: static files that ask no other server.",
  )
  .option("--out <folder>", "the folder that gets the site, which is emptied before; default: apps/docs/dist")
  .option("--base <path>", "the path under which it will be served", "/")
  .option("--packages <names>", "whose API reference is written, with commas between; default: all")
  .option("--dev", "serve it here, and show changes of docs/ at once")
  .option(
    "--follow <page>",
    "do what a tutorial says, such as docs/tutorials/ten-minutes.md, and compare what it prints",
  )
  .parse();
const options = program.opts<Options>();
const packages = options.packages?.split(",");

if (options.follow !== undefined) {
  const page = await readFile(resolve(options.follow), "utf8");
  const interruption = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interruption.abort());
  const log = (line: string): void => void process.stdout.write(`${line}\n`);
  await follow(page, { folder: repository, log, signal: interruption.signal });
  process.stdout.write("Every command printed what the page says.\n");
} else if (options.dev === true) {
  await writeApiPages(repository, join(pages, "api"), packages);
  await writePages(repository, pages);
  const server = await createServer(pages, { base: options.base });
  await server.listen();
  server.printUrls();
  for await (const _ of watch(join(repository, "docs"), { recursive: true }))
    await writePages(repository, pages);
} else {
  const out = resolve(options.out ?? join(import.meta.dirname, "../dist"));
  if (options.out !== undefined && (await isForeignFolder(out)))
    program.error(
      `error: ${options.out} holds other things than a site, and would be emptied. Name a new folder.`,
    );
  const base = `/${options.base.replaceAll(/^\/+|\/+$/g, "")}/`.replace("//", "/");
  await buildSite(repository, { base, out, pages, api: packages });
  process.stdout.write(`The site is in ${out}, for the path ${base}\n`);
}
