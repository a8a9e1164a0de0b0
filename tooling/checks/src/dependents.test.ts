import { expect, test } from "vitest";
import { dependentsOf } from "./dependents.ts";
import type { Member } from "./workspace.ts";

const member = (
  group: string,
  name: string,
  dependencies: readonly string[],
  dev: readonly string[] = [],
): Member => {
  const versions = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((other) => [`@corella/${other}`, "workspace:*"]));
  return {
    folder: `${group}/${name}`,
    group,
    name,
    manifest: { dependencies: versions(dependencies), devDependencies: versions(dev) },
  };
};

const workspace = {
  root: "",
  manifest: {},
  files: [],
  members: [
    member("apps", "serve", ["bundle"]),
    member("packages", "metrics", []),
    member("packages", "bundle", ["routing"], ["random"]),
    member("packages", "routing", ["metrics"]),
    member("packages", "random", []),
  ],
};

test("a change reaches all that is built on it, also through devDependencies, and nothing below or beside it", () => {
  expect(dependentsOf(workspace, ["packages/routing/src/mix.ts"])).toEqual(["bundle", "routing", "serve"]);
  expect(dependentsOf(workspace, ["packages/random/src/random.ts"])).toEqual(["bundle", "random", "serve"]);
  expect(dependentsOf(workspace, ["apps/serve/src/app.ts", "README.md"])).toEqual(["serve"]);
  expect(dependentsOf(workspace, ["README.md"])).toEqual([]);
});
