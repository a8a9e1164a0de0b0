import { basename, dirname } from "node:path";
import type { Violation } from "./violation.ts";
import type { Workspace } from "./workspace.ts";

const vagueNames: ReadonlySet<string> = new Set(["utils", "util", "common", "helpers", "helper", "types"]);
const pythonHomes = ["tooling/reference/", "tooling/bench/"];
const embeddedData = "data/movietweetings-100k/";
const largestBytes = 1_500_000;

/** What the repository may not hold: vague folders, Python outside its homes, big files, data we may not pass on. */
export function checkFiles(workspace: Workspace, sizeOf: (file: string) => number): readonly Violation[] {
  const violations: Violation[] = [];
  const report = (file: string, rule: string, problem: string, remedy: string): void => {
    violations.push({ file, line: 1, rule, problem, remedy });
  };
  for (const folder of foldersOf(workspace.files)) {
    if (vagueNames.has(basename(folder)))
      report(folder, "vague-name", `a folder named ${basename(folder)}`, "name it after what it holds");
  }
  for (const { folder, name } of workspace.members) {
    if (vagueNames.has(name))
      report(`${folder}/package.json`, "vague-name", `a package named ${name}`, "name it after what it does");
  }
  for (const file of workspace.files) {
    if (/\.(py|pyi|ipynb)$/.test(file) && !pythonHomes.some((home) => file.startsWith(home)))
      report(file, "python", "Python outside its homes", `move it to ${pythonHomes.join(" or ")}`);
    if (file.startsWith(embeddedData)) continue;
    const size = sizeOf(file);
    if (size > largestBytes)
      report(
        file,
        "big-file",
        `${(size / 1e6).toFixed(1)} MB, above ${largestBytes / 1e6} MB`,
        "make it in a script or smaller",
      );
    if (isRatingData(file))
      report(
        file,
        "foreign-data",
        "looks like MovieLens data, which may not be passed on",
        "remove it from git",
      );
  }
  return violations;
}

/** Files as GroupLens names them: `ml-1m.zip`, `u.data`, `ratings.dat`, and anything with data under an `ml-...` folder. */
function isRatingData(file: string): boolean {
  return (
    /(^|\/)(ml-\w+|movielens)[^/]*(\/.*)?\.(dat|zip|csv|gz|parquet|data|item|user)$/i.test(file) ||
    /(^|\/)(u\.(data|item|user)|(ratings|movies|users|tags)\.(dat|csv))$/i.test(file)
  );
}

function foldersOf(files: readonly string[]): readonly string[] {
  const folders = new Set<string>();
  for (const file of files) {
    for (let folder = dirname(file); folder !== "."; folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].toSorted();
}
