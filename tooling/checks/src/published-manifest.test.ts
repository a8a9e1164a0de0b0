import { expect, test } from "vitest";
import { checkPublishedManifests, publishedFields } from "./published-manifest.ts";
import type { Manifest, Workspace } from "./workspace.ts";

const root: Manifest = {
  private: true,
  license: "MIT",
  engines: { node: ">=22" },
  repository: { type: "git", url: "git+https://git.example.org/team/thing.git" },
};

function workspaceOf(manifest: Manifest, group = "packages", top = root): Workspace {
  const members = [{ folder: `${group}/crm`, group, name: "crm", manifest }];
  return { root: "", files: [], manifest: top, members };
}

const complete: Manifest = {
  name: "@corella/crm",
  description: "Models.",
  keywords: ["corella", "ctr", "dcn"],
  publishConfig: { access: "public", provenance: true },
  license: "MIT",
  engines: { node: ">=22" },
  homepage: "https://git.example.org/team/thing/tree/main/packages/crm#readme",
  bugs: "https://git.example.org/team/thing/issues",
  repository: {
    type: "git",
    url: "git+https://git.example.org/team/thing.git",
    directory: "packages/crm",
  },
  files: ["dist", "CHANGELOG.md"],
  sideEffects: false,
};

const problems = (workspace: Workspace): string[] =>
  checkPublishedManifests(workspace).map(({ problem }) => problem);

test("a complete manifest, a private one and an app break no rule", () => {
  expect(problems(workspaceOf(complete))).toEqual([]);
  expect(problems(workspaceOf({ private: true }))).toEqual([]);
  expect(problems(workspaceOf({}, "apps"))).toEqual([]);
});

test("each field that is missing or differs from the repository's is named", () => {
  for (const field of Object.keys(publishedFields(root, "packages/crm")!)) {
    const { [field as keyof Manifest]: _, ...without } = complete;
    const [problem, ...more] = problems(workspaceOf(without));
    expect(problem).toContain(`\`${field}\` is not `);
    expect(more).toEqual([]);
  }
  expect(problems(workspaceOf({ ...complete, engines: { node: ">=20" } }))).toEqual([
    '`engines` is not {"node":">=22"}',
  ]);
});

test("what cannot follow from the repository is asked for", () => {
  expect(problems(workspaceOf({ ...complete, keywords: ["ctr", "dcn", "rank"] }))).toHaveLength(1);
  expect(problems(workspaceOf({ ...complete, keywords: ["corella"] }))).toHaveLength(1);
  expect(problems(workspaceOf({ ...complete, description: " " }))).toEqual(["no description"]);
  expect(problems(workspaceOf({ ...complete, publishConfig: { access: "public" } }))).toHaveLength(1);
  expect(problems(workspaceOf(complete, "packages", { private: true }))).toEqual([
    "no repository to be published from",
  ]);
});
