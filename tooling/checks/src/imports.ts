import { isBuiltin } from "node:module";
import { posix } from "node:path";
import {
  allowedImports,
  mayImport,
  testsMayImport,
  toolingFolder,
  unrestrictedFolders,
} from "./allowed-imports.ts";
import type { SourceFacts } from "./source-scan.ts";
import type { Violation } from "./violation.ts";
import { isTest, memberOf, scope, type Manifest, type Member, type Workspace } from "./workspace.ts";

/** One import of a workspace member by another. */
interface Edge {
  readonly from: Member;
  readonly to: string;
  readonly file: string;
  readonly line: number;
}

/** Entry points only, in the allowed direction, without a cycle, and declared. */
export function checkImports(
  workspace: Workspace,
  sources: ReadonlyMap<string, SourceFacts>,
): readonly Violation[] {
  const violations: Violation[] = undrawnMembers(workspace);
  const edges: Edge[] = [];
  for (const [file, { imports }] of sources) {
    const member = memberOf(workspace, file);
    for (const { line, text } of imports) {
      const report = (rule: string, problem: string, remedy: string): void => {
        violations.push({ file, line, rule, problem, remedy });
      };
      if (text.startsWith(".") || text.startsWith("/") || text.startsWith("file:")) {
        checkRelative(member, file, text, report);
        continue;
      }
      if (isBuiltin(text) || text.startsWith("#")) continue;
      if (member === undefined) {
        checkDeclared(workspace, undefined, file, packageName(text), report);
        continue;
      }
      if (text.startsWith(scope)) {
        const name = checkWorkspaceImport(workspace, member, file, text, report);
        if (name === undefined) continue;
        edges.push({ from: member, to: name, file, line });
      }
      checkDeclared(workspace, member, file, packageName(text), report);
    }
  }
  return [...violations, ...cycles(workspace, edges), ...unusedMembers(workspace, edges)];
}

type Report = (rule: string, problem: string, remedy: string) => void;

/** `@corella/engine/deep` -> `@corella/engine`, `zod/v4` -> `zod`. */
function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function undrawnMembers(workspace: Workspace): Violation[] {
  return workspace.members
    .filter(({ group, name }) => !unrestrictedFolders.includes(group) && !(name in allowedImports))
    .map(({ folder, name }) => ({
      file: `${folder}/package.json`,
      line: 1,
      rule: "undrawn",
      problem: `${name} is not in the allowed graph`,
      remedy: `draw it in tooling/checks/src/allowed-imports.ts and docs/architecture.md`,
    }));
}

function checkRelative(member: Member | undefined, file: string, specifier: string, report: Report): void {
  if (!specifier.startsWith(".")) {
    report("entry-point", `imports the absolute path ${specifier}`, "import a package by its name");
    return;
  }
  const target = posix.normalize(posix.join(posix.dirname(file), specifier));
  const home = member?.folder;
  if (home !== undefined && !target.startsWith(`${home}/`)) {
    report("entry-point", `${specifier} leaves ${home}`, "import the other package by its name");
  } else if (!isTest(file) && isTest(target)) {
    report("test-import", `imports the test file ${specifier}`, "move what is shared into a source file");
  }
}

/** The imported member's name, or undefined for an import of the package itself or of nothing. */
function checkWorkspaceImport(
  workspace: Workspace,
  member: Member,
  file: string,
  specifier: string,
  report: Report,
): string | undefined {
  const imported = packageName(specifier);
  const name = imported.slice(scope.length);
  if (name === member.name) {
    if (!isTest(file))
      report("entry-point", `${member.name} imports itself by name`, "import the file that defines it");
    return undefined;
  }
  const target = workspace.members.find((other) => other.name === name);
  if (target === undefined) {
    report("unknown-package", `there is no ${imported} in the workspace`, "correct the name");
    return undefined;
  }
  const subpath = `.${specifier.slice(imported.length)}`;
  if (subpath !== "." && target.manifest.exports?.[subpath] === undefined) {
    report(
      "entry-point",
      `deep import of ${specifier}`,
      `import from "${imported}" and export it from its src/index.ts`,
    );
  }
  const allows = isTest(file) ? testsMayImport : mayImport;
  if (!unrestrictedFolders.includes(member.group) && !allows(member.name, name)) {
    const allowed = ["errors", ...(allowedImports[member.name] ?? [])].filter(
      (other) => other !== member.name,
    );
    report(
      "direction",
      `${member.name} may not import ${name}`,
      `it may import ${allowed.join(", ") || "nothing"}; move the code, or change the graph in tooling/checks/src/allowed-imports.ts`,
    );
  }
  return name;
}

/** Sources need a dependency of their own package; tests, tooling and root files may use the root's devDependencies too. */
function checkDeclared(
  workspace: Workspace,
  member: Member | undefined,
  file: string,
  imported: string,
  report: Report,
): void {
  const published = member !== undefined && member.group !== toolingFolder && !isTest(file);
  const declared = [
    ...(member === undefined ? [] : runtimeDependencies(member.manifest)),
    ...(published ? [] : Object.keys(member?.manifest.devDependencies ?? {})),
    ...(published ? [] : Object.keys(workspace.manifest.devDependencies ?? {})),
  ];
  if (declared.includes(imported)) return;
  const field = published ? "dependencies" : "devDependencies";
  const manifest = member === undefined ? "package.json" : `${member.folder}/package.json`;
  report("undeclared", `${imported} is not a dependency`, `add it to ${field} in ${manifest}`);
}

function runtimeDependencies({ dependencies, peerDependencies, optionalDependencies }: Manifest): string[] {
  return [dependencies, peerDependencies, optionalDependencies].flatMap((group) => Object.keys(group ?? {}));
}

/** Every declared @corella/* dependency is imported; outside of devDependencies by more than tests. */
function unusedMembers(workspace: Workspace, edges: readonly Edge[]): Violation[] {
  return workspace.members.flatMap((member) => {
    const uses = edges.filter(({ from }) => from === member);
    const usedBySources = new Set(uses.filter(({ file }) => !isTest(file)).map(({ to }) => scope + to));
    const used = new Set(uses.map(({ to }) => scope + to));
    const report = (dependency: string, remedy: string): Violation => ({
      file: `${member.folder}/package.json`,
      line: 1,
      rule: "unused",
      problem: `${dependency} is declared but ${used.has(dependency) ? "only tests import it" : "nothing imports it"}`,
      remedy,
    });
    return [
      ...runtimeDependencies(member.manifest)
        .filter((dependency) => dependency.startsWith(scope) && !usedBySources.has(dependency))
        .map((dependency) =>
          report(dependency, used.has(dependency) ? "move it to devDependencies" : "remove it"),
        ),
      ...Object.keys(member.manifest.devDependencies ?? {})
        .filter((dependency) => dependency.startsWith(scope) && !used.has(dependency))
        .map((dependency) => report(dependency, "remove it")),
    ];
  });
}

/** Each cycle of members once, found where a walk along the imports meets its own path. */
function cycles(workspace: Workspace, edges: readonly Edge[]): Violation[] {
  const violations: Violation[] = [];
  const done = new Set<string>();
  const walk = (name: string, path: readonly Edge[]): void => {
    const start = path.findIndex(({ from }) => from.name === name);
    if (start >= 0) {
      const circle = path.slice(start);
      const { file, line } = circle.at(-1)!;
      violations.push({
        file,
        line,
        rule: "cycle",
        problem: `cycle ${[...circle.map(({ from }) => from.name), name].join(" -> ")}`,
        remedy: "remove one of these imports",
      });
      return;
    }
    if (done.has(name)) return;
    const outgoing = new Map(edges.filter(({ from }) => from.name === name).map((edge) => [edge.to, edge]));
    for (const [to, edge] of outgoing) walk(to, [...path, edge]);
    done.add(name);
  };
  for (const { name } of workspace.members) walk(name, []);
  return violations;
}
