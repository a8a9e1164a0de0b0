import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { extname, join, posix, relative } from "node:path";
import { entryPoints } from "./entry-points.ts";
import { imageOf, pageOf, replaceLinks } from "./links.ts";
import { siteMap } from "./site-map.ts";

/** An item of VitePress' sidebar. */
export interface SidebarItem {
  readonly text: string;
  readonly link?: string;
  readonly items?: readonly SidebarItem[];
}

const image = /\.(png|svg|jpe?g|webp|gif)$/;

/**
 * Writes what VitePress builds: the documents of the repository and every file that they lead to, each as a page, with
 * links from page to page. What is the same as before is left alone, so that a server that watches shows changes alone.
 * @param folder where the pages go; what else is there is removed, but for `api/`
 */
export async function writePages(repository: string, folder: string): Promise<void> {
  const groups = await Promise.all(
    siteMap.map(async ({ pages, andAllOf, ...group }) => ({
      ...group,
      files: [...pages, ...(andAllOf === undefined ? [] : await others(repository, andAllOf))],
    })),
  );
  const waiting = ["docs/index.md", ...groups.flatMap(({ files }) => files.map(({ file }) => file))];
  const site = new Map<string, string | Buffer>();
  const read = new Set<string>();
  const titles = new Map<string, string>();
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (read.has(file)) continue;
    read.add(file);
    if (image.test(file)) {
      site.set(imageOf(file), await readFile(join(repository, file)));
      continue;
    }
    const { text, linked } = await page(repository, file);
    titles.set(file, /^# (.*)$/m.exec(text)?.[1]?.replaceAll("`", "") ?? posix.basename(file));
    site.set(pageOf(file), text);
    waiting.push(...linked);
  }
  const doors = (await entryPoints(repository)).filter(({ door }) =>
    existsSync(join(folder, `api/${door}.md`)),
  );
  const sidebar: SidebarItem[] = [
    ...groups.map(({ files, text: title }) => ({
      text: title,
      items: files.map(({ file, text }) => ({ text: text ?? titles.get(file)!, link: linkOf(file) })),
    })),
    {
      text: "API reference",
      items: doors.map(({ door }) => ({ text: door, link: `/api/${door}` })),
    },
  ];
  site.set(".vitepress/sidebar.json", JSON.stringify(sidebar));
  const own = join(import.meta.dirname, "vitepress");
  for (const file of await filesIn(own)) site.set(`.vitepress/${file}`, await readFile(join(own, file)));
  await writeChanged(folder, site);
}

/** Makes a folder hold these files, and `api/`. */
async function writeChanged(folder: string, site: ReadonlyMap<string, string | Buffer>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const file of await filesIn(folder)) {
    if (!site.has(file) && !file.startsWith("api/")) await rm(join(folder, file));
  }
  for (const [file, content] of site) {
    const path = join(folder, file);
    if (existsSync(path) && (await readFile(path)).equals(Buffer.from(content as string))) continue;
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, content);
  }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

function linkOf(file: string): string {
  return `/${pageOf(file).replace(/(index)?\.md$/, "")}`;
}

/** The pages of a folder that the site map does not name. */
async function others(
  repository: string,
  folder: string,
): Promise<{ readonly file: string; readonly text?: string }[]> {
  const named = new Set(siteMap.flatMap(({ pages }) => pages.map(({ file }) => file)));
  return (await readdir(join(repository, folder)))
    .filter((name) => name.endsWith(".md") && name !== "index.md")
    .map((name) => ({ file: `${folder}/${name}` }))
    .filter(({ file }) => !named.has(file))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1));
}

interface PageText {
  readonly text: string;
  /** Files of the repository that it leads to. */
  readonly linked: readonly string[];
}

async function page(repository: string, file: string): Promise<PageText> {
  const path = join(repository, file);
  if (statSync(path).isDirectory()) return folderPage(repository, file);
  const content = await readFile(path, "utf8");
  if (!file.endsWith(".md")) return { text: sourcePage(file, content), linked: [] };
  const linked: string[] = [];
  const here = posix.dirname(pageOf(file));
  const text = replaceLinks(file, content, (link) => {
    const there = join(repository, link.file);
    if (link.file.startsWith("..") || !existsSync(there))
      throw new Error(`${file}:${link.line} leads to ${link.file}, which is not there.`);
    // A folder is shown by its README.
    const readme = `${link.file}/README.md`;
    const target = existsSync(join(repository, readme)) ? readme : link.file;
    linked.push(target);
    const to = posix.relative(here, image.test(target) ? imageOf(target) : pageOf(target));
    return `${to.startsWith(".") ? "" : "./"}${to}${link.anchor}`;
  });
  return { text, linked };
}

/** A file of code, whose lines links may lead to: `#L12`. */
function sourcePage(file: string, content: string): string {
  const language = extname(file).slice(1) || "sh";
  const fence = "``````";
  return [
    "---\nsearch: false\noutline: false\nprev: false\nnext: false\n---",
    `# ${posix.basename(file)}\n`,
    `\`${file}\`\n`,
    `${fence}${language} source\n${content.trimEnd()}\n${fence}\n`,
  ].join("\n");
}

/** What is in a folder: its documents by their headings, other files by their names. */
async function folderPage(repository: string, folder: string): Promise<PageText> {
  const names = (await readdir(join(repository, folder))).toSorted();
  const linked: string[] = [];
  const lines = await Promise.all(
    names.map(async (name) => {
      if (!name.endsWith(".md")) return `- \`${name}\``;
      const heading = /^# (.*)$/m.exec(await readFile(join(repository, folder, name), "utf8"))?.[1];
      linked.push(`${folder}/${name}`);
      return `- [${heading ?? name}](./${name})`;
    }),
  );
  const title = posix.basename(folder);
  return { text: `# ${title[0]!.toUpperCase()}${title.slice(1)}\n\n${lines.join("\n")}\n`, linked };
}
