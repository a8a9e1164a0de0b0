import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { consumerEnvironment, execute, ReleaseFailure } from "../execute.ts";
import type { Tarballs } from "../packages/pack.ts";
import { printedByReadme, printedDifferences } from "./printed.ts";
import { fileDependencies } from "./project.ts";

interface ExampleManifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * Copies what git has of the repository's examples into a project, where they depend on tarballs, and the data beside them.
 * @returns their TypeScript files, relative to the project
 */
export function copyExamples(root: string, project: string, tarballs: Tarballs): string[] {
  const files = execute(root, ["git", "ls-files", "--cached", "--others", "--exclude-standard", "examples"])
    .split("\n")
    .filter((file) => file !== "");
  for (const file of files) cpSync(join(root, file), join(project, file));
  symlinkSync(join(root, "data"), join(project, "data"));
  const ofTarballs = fileDependencies(tarballs);
  for (const name of exampleNames(project)) {
    const path = join(project, "examples", name, "package.json");
    const manifest = JSON.parse(readFileSync(path, "utf8")) as ExampleManifest;
    const dependencies = Object.entries(manifest.dependencies).map(([dependency, range]) => [
      dependency,
      ofTarballs[dependency] ?? range,
    ]);
    writeFileSync(
      path,
      JSON.stringify({ ...manifest, dependencies: Object.fromEntries(dependencies) }, null, 2),
    );
  }
  return files.filter((file) => file.endsWith(".ts"));
}

/** The examples of a project by their folders. */
export function exampleNames(project: string): string[] {
  return readdirSync(join(project, "examples"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

/**
 * Runs an example as its README says: `train` where there is one, then `start`; where there is `ask`, it asks what `start` has started.
 * @throws ReleaseFailure where it prints something else than its README says
 */
export async function runExample(project: string, name: string): Promise<void> {
  const folder = join(project, "examples", name);
  const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as ExampleManifest;
  const expected = printedByReadme(readFileSync(join(folder, "README.md"), "utf8"));
  if (expected === undefined) throw new ReleaseFailure(`the README of the example ${name} says no output`);
  if (scripts["train"] !== undefined) execute(folder, ["npm", "run", "--silent", "train"]);
  const printed =
    scripts["ask"] === undefined
      ? execute(folder, ["npm", "run", "--silent", "start"])
      : await askService(folder);
  const differences = printedDifferences(expected, printed);
  if (differences.length > 0)
    throw new ReleaseFailure(
      `the example ${name} prints other than its README says\n${differences.join("\n")}`,
    );
}

/** Starts the service of an example at a free port, asks it, and ends it in order; what the asking printed. */
async function askService(folder: string): Promise<string> {
  const service = spawn("node", ["--import", "tsx", "main.ts"], {
    cwd: folder,
    env: { ...consumerEnvironment(), PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const address = await listening(service);
    const printed = execute(folder, ["env", `SERVICE=${address}`, "npm", "run", "--silent", "ask"]);
    service.kill("SIGTERM");
    const [code] = (await once(service, "exit", { signal: AbortSignal.timeout(20_000) })) as [number | null];
    if (code !== 0) throw new ReleaseFailure(`the service ends with ${code} after SIGTERM`);
    return printed;
  } finally {
    service.kill("SIGKILL");
  }
}

/** The address that a service prints once it listens. */
async function listening(service: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: service.stdout! })) {
    const address = /listening at (\S+)/.exec(line)?.[1];
    if (address !== undefined) return address;
  }
  throw new ReleaseFailure("the service ended before it listened");
}
