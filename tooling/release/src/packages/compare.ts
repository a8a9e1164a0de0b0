import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execute } from "../execute.ts";
import { filesOf } from "./pack.ts";

/**
 * Compares what two tarballs hold: the same files with the same bytes; package.json by what it says.
 * @param folder is there; both are unpacked in it
 * @returns a sentence for each difference
 */
export function tarballDifferences(one: string, other: string, folder: string): string[] {
  const [left, right] = [one, other].map((tarball, i) => {
    const unpacked = join(folder, String(i));
    mkdirSync(unpacked, { recursive: true });
    execute(unpacked, ["tar", "-xzf", tarball]);
    return {
      unpacked: join(unpacked, "package"),
      files: filesOf(tarball),
    };
  });
  const files = new Set([...left!.files, ...right!.files]);
  return [...files].flatMap((file) => {
    if (!left!.files.includes(file) || !right!.files.includes(file))
      return [`${file} is in one of them only`];
    const [a, b] = [left!, right!].map(({ unpacked }) => readFileSync(join(unpacked, file), "utf8"));
    const isSame = file === "package.json" ? sorted(a!) === sorted(b!) : a === b;
    return isSame ? [] : [`${file} differs`];
  });
}

function sorted(json: string): string {
  const byName = (_: string, value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return JSON.stringify(JSON.parse(json), byName);
}
