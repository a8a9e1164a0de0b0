import { expect, test } from "vitest";
import { inOrder, publishRefusals } from "./publish.ts";

const fine = {
  environment: { ACTIONS_ID_TOKEN_REQUEST_URL: "https://token.example.org" },
  repository: "git+https://github.com/somebody/corella.git",
  npmVersion: "11.5.1",
  version: "0.1.0",
  changesets: 0,
};

test("a release goes out of its workflow alone, of a repository with a name, by an npm that needs no token, from its own commit", () => {
  expect(publishRefusals(fine)).toEqual([]);
  expect(publishRefusals({ ...fine, npmVersion: "12.0.0" })).toEqual([]);
  for (const wrong of [
    { environment: {} },
    { repository: "git+https://github.com/your-organisation/corella.git" },
    { npmVersion: "11.5.0" },
    { npmVersion: "10.9.4" },
    { version: "0.0.0" },
    { changesets: 3 },
  ])
    expect(publishRefusals({ ...fine, ...wrong }), JSON.stringify(wrong)).toHaveLength(1);
});

test("a package is published after all that it depends on", () => {
  const graph = { bundle: ["crm", "zod"], crm: ["engine", "errors"], engine: ["errors"], errors: [] };
  const packages = Object.entries(graph).map(([name, dependencies]) => ({ name, dependencies }));
  expect(inOrder(packages).map(({ name }) => name)).toEqual(["errors", "engine", "crm", "bundle"]);
});
