import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from "vitest/config";
import { trainingTests } from "./tooling/checks/src/training-tests.ts";

/** What every project has: given to each by value, for `extends: true` would bundle this file again for every one. */
export const shared: TestProjectInlineConfiguration = {
  // Resolves @corella/* to src/index.ts: tests need no build.
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    // A process for each file: native sessions and the tfjs engine are state of a process.
    pool: "forks",
    maxWorkers: 2,
    // Tests train real models; on a machine shared with others they may take several times as long.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
};

/** What only a run as a whole has. */
export const run: Pick<NonNullable<ViteUserConfig["test"]>, "watch" | "teardownTimeout" | "reporters"> = {
  watch: false,
  teardownTimeout: 10_000,
  reporters: ["default", "./tooling/checks/src/summary-reporter.ts"],
};

/** The folders of packages, apps and tools, relative to the repository. */
function memberFolders(): string[] {
  return ["packages", "apps", "tooling"].flatMap((group) =>
    readdirSync(join(import.meta.dirname, group))
      .map((name) => `${group}/${name}`)
      .filter((folder) => existsSync(join(import.meta.dirname, folder, "src"))),
  );
}

/** Project `<package>` has the fast tests, `<package>:training` the others; a half without a file is left out. */
function projectsOf(folder: string): TestProjectInlineConfiguration[] {
  const name = basename(folder);
  const slow = trainingTests[name] ?? [];
  const tests = readdirSync(join(import.meta.dirname, folder, "src"), { recursive: true, encoding: "utf8" })
    .map((file) => basename(file))
    .filter((file) => file.endsWith(".test.ts"));
  const all = `${folder}/src/**/*.test.ts`;
  const slowGlobs = slow.map((file) => `${folder}/src/**/${file}`);
  const project = (half: string, include: string[], exclude: string[]): TestProjectInlineConfiguration => ({
    ...shared,
    test: { ...shared.test, name: half, include, exclude },
  });
  return [
    ...(tests.some((file) => !slow.includes(file)) ? [project(name, [all], slowGlobs)] : []),
    ...(tests.some((file) => slow.includes(file)) ? [project(`${name}:training`, slowGlobs, [])] : []),
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
