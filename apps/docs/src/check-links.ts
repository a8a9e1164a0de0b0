import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";

/** What a built page asks for or leads to. */
const references = /\s(?:href|src)="([^"]*)"/g;
const ids = /\s(?:id|name)="([^"]*)"/g;

/**
 * Every link, anchor and image of a built site that leads nowhere: within the site to a file and an `id` in it; to other
 * sites only where a reader has to click, never for what a page needs.
 * @param base the path for which the site was built
 * @returns a line for each, empty where all is well
 */
export async function brokenLinks(site: string, base: string): Promise<readonly string[]> {
  const files = (await readdir(site, { recursive: true })).filter((file) => file.endsWith(".html"));
  const pages = new Map(
    await Promise.all(
      files.map(async (file) => {
        const html = await readFile(join(site, file), "utf8");
        return [file, { html, ids: new Set([...html.matchAll(ids)].map(([, id]) => decoded(id!))) }] as const;
      }),
    ),
  );
  const broken: string[] = [];
  for (const [file, { html }] of pages) {
    for (const [tag] of html.matchAll(/<(?:link|script|img|source|iframe)\s[^>]*>/g)) {
      const [, target] = /\s(?:href|src)="((?:https?:)?\/\/[^"]*)"/.exec(tag) ?? [];
      if (target !== undefined) broken.push(`${file}: asks another server, ${target}`);
    }
    for (const reference of new Set([...html.matchAll(references)].map(([, each]) => decoded(each!)))) {
      if (/^(?:[a-z]+:|\/\/)/.test(reference)) continue;
      const [path, anchor] = reference.split("#") as [string, string?];
      const target = targetOf(file, path, base);
      if (target === undefined || !existsSync(join(site, target)))
        broken.push(`${file}: ${reference} is not there`);
      else if (
        anchor !== undefined &&
        anchor !== "" &&
        pages.get(target)?.ids.has(decodeURIComponent(anchor)) !== true
      )
        broken.push(`${file}: ${reference} has no such heading`);
    }
  }
  return broken;
}

/** The file of the site that a link means, undefined for one that leaves it. */
function targetOf(file: string, path: string, base: string): string | undefined {
  if (path === "") return file;
  const absolute = path.startsWith("/") ? path : posix.join(base, posix.dirname(file), path);
  if (!absolute.startsWith(base)) return undefined;
  const inSite = decodeURIComponent(absolute.slice(base.length));
  return inSite === "" || inSite.endsWith("/") ? `${inSite}index.html` : inSite;
}

function decoded(attribute: string): string {
  return attribute.replaceAll("&amp;", "&").replaceAll("&quot;", '"').replaceAll("&#39;", "'");
}
