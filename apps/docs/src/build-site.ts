import { join } from "node:path";
import { build } from "vitepress";
import { writeApiPages } from "./api.ts";
import { brokenLinks } from "./check-links.ts";
import { writePages } from "./write-pages.ts";

/** What a build is told. */
export interface SiteOptions {
  /** The path under which the site will be served, with a slash at both ends. */
  readonly base: string;
  /** The folder that gets the files. */
  readonly out: string;
  /** Where the pages are written first. */
  readonly pages: string;
  /** Packages whose API reference is written; undefined: all. */
  readonly api?: readonly string[] | undefined;
}

/**
 * Builds the whole site: static files that ask no other server, for one path.
 * @throws Error where a link of it leads nowhere
 */
export async function buildSite(repository: string, { base, out, pages, api }: SiteOptions): Promise<void> {
  await writeApiPages(repository, join(pages, "api"), api);
  await writePages(repository, pages);
  await build(pages, { base, outDir: out });
  const broken = await brokenLinks(out, base);
  if (broken.length > 0) throw new Error(`Links that lead nowhere:\n${broken.join("\n")}`);
}
