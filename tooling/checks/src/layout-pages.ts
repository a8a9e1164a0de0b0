import { posix } from "node:path";
import type { Violation } from "./violation.ts";

/**
 * A page `docs/layout-<package>.md` names every folder of the package's src that holds TypeScript, in backticks and
 * relative to src: `capture/operations/`, or a file of it.
 */
export function checkLayoutPages(
  files: readonly string[],
  read: (file: string) => string,
): readonly Violation[] {
  return files.flatMap((page) => {
    const name = /^docs\/layout-([a-z\d-]+)\.md$/.exec(page)?.[1];
    if (name === undefined) return [];
    const named = [...read(page).matchAll(/`([^`\n]+)`/g)].map(([, text]) => text!);
    return foldersOf(files, `packages/${name}/src/`)
      .filter((folder) => !named.some((text) => text.startsWith(`${folder}/`)))
      .map((folder) => ({
        file: page,
        line: 1,
        rule: "layout",
        problem: `does not name \`${folder}/\` of packages/${name}/src`,
        remedy: "say what lives there",
      }));
  });
}

/** Folders under `start` with TypeScript in them or below, relative to it, sorted. */
function foldersOf(files: readonly string[], start: string): readonly string[] {
  const folders = new Set<string>();
  for (const file of files.filter((name) => name.startsWith(start) && name.endsWith(".ts"))) {
    let folder = posix.dirname(file.slice(start.length));
    for (; folder !== "."; folder = posix.dirname(folder)) folders.add(folder);
  }
  return [...folders].toSorted();
}
