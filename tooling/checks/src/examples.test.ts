import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readWorkspace, scope, type Manifest } from "./workspace.ts";

const repository = join(import.meta.dirname, "../../..");
const { members, manifest } = readWorkspace(repository);
const examples = members.filter(({ group }) => group === "examples");
const dependenciesOf = (of: Manifest): [string, string][] =>
  [of.dependencies, of.devDependencies].flatMap((group) => Object.entries(group ?? {}));
const ours = new Map(
  [manifest, ...members.filter(({ group }) => group !== "examples").map((member) => member.manifest)].flatMap(
    dependenciesOf,
  ),
);

describe.each(examples)("$name", ({ folder, manifest: own }) => {
  test("takes the packages as they were published last, and of others the versions that we test with", () => {
    const dependencies = dependenciesOf(own);
    expect(dependencies.length).toBeGreaterThan(2);
    for (const [name, range] of dependencies)
      expect(range, name).toBe(name.startsWith(scope) ? "latest" : ours.get(name));
    expect(own.private).toBe(true);
    expect(own.engines).toEqual(manifest.engines);
  });

  test("says how it is run and what it prints, and is in the list", () => {
    const readme = readFileSync(join(repository, folder, "README.md"), "utf8");
    expect(readme).toContain("```sh\nnpm install\nnpm ");
    expect(readme).toContain("```text\n");
    const list = readFileSync(join(repository, "examples/README.md"), "utf8");
    expect(list).toContain(`(${folder.replace("examples/", "")}/README.md)`);
  });
});
