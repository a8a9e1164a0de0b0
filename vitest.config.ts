import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from "vitest/config";
import { trainingTests } from "./tooling/checks/src/training-tests.ts";

/** What every project has: given to each by value, for `extends: true` would bundle this file again for every one. */
export const shared: TestProjectInlineConfiguration = {
  // Resolves @corella/* to src/index.ts: tests need no build.
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    // Processes, not threads: native sessions and the tfjs engine are state of a process.
    pool: "forks",
    maxWorkers: 2,
    // Tests train real models; on a machine shared with others they may take several times as long.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
};

/** What only a run as a whole has. */
export const run: Pick<
  NonNullable<ViteUserConfig["test"]>,
  "watch" | "teardownTimeout" | "reporters" | "experimental"
> = {
  watch: false,
  teardownTimeout: 10_000,
  reporters: ["default", "./tooling/checks/src/summary-reporter.ts"],
  // Projects transform a module once for all of them, not each of them anew.
  experimental: { fsModuleCache: true },
};

/** The folders of packages, apps and tools, relative to the repository. */
function memberFolders(): string[] {
  return ["packages", "apps", "tooling"].flatMap((group) =>
    readdirSync(join(import.meta.dirname, group))
      .map((name) => `${group}/${name}`)
      .filter((folder) => existsSync(join(import.meta.dirname, folder, "src"))),
  );
}

/**
 * Project `<package>` has the fast tests, whose files share a process, so that tfjs and onnxruntime are not loaded with every file;
 * `<package>:training` the others, each in a process of its own. A half without a file is left out.
 */
function projectsOf(folder: string): TestProjectInlineConfiguration[] {
  const name = basename(folder);
  const slow = trainingTests[name] ?? [];
  const tests = readdirSync(join(import.meta.dirname, folder, "src"), { recursive: true, encoding: "utf8" })
    .map((file) => basename(file))
    .filter((file) => file.endsWith(".test.ts"));
  // What starts commands.
  const globalSetup =
    folder.startsWith("apps/") || name === "checks" ? ["tooling/checks/src/bundled-commands.ts"] : [];
  const all = `${folder}/src/**/*.test.ts`;
  const slowGlobs = slow.map((file) => `${folder}/src/**/${file}`);
  const project = (
    half: string,
    isolate: boolean,
    include: string[],
    exclude: string[],
  ): TestProjectInlineConfiguration => ({
    ...shared,
    test: { ...shared.test, name: half, isolate, include, exclude, globalSetup },
  });
  return [
    ...(tests.some((file) => !slow.includes(file)) ? [project(name, false, [all], slowGlobs)] : []),
    ...(tests.some((file) => slow.includes(file)) ? [project(`${name}:training`, true, slowGlobs, [])] : []),
  ];
}

// One configuration for every package.
const config: ViteUserConfig = defineConfig({
  ...shared,
  test: {
    ...shared.test,
    ...run,
    projects: memberFolders().flatMap(projectsOf),
  },
});

export default config;
