import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execute, ReleaseFailure } from "../execute.ts";
import type { Tarballs } from "../packages/pack.ts";
import type { PlannedRelease } from "../dry-run/plan.ts";
import { compile, writeManifest } from "./project.ts";

/** Without an audit, a funding note or a question to the registry about what the cache has. */
export const npmInstall: readonly string[] = [
  "npm",
  "install",
  "--prefer-offline",
  "--no-audit",
  "--no-fund",
];

/**
 * Upgrades a project in which the packages are pinned to the previous version: pins the next one, installs, and typechecks and runs the
 * same consumer.ts, unchanged.
 * @throws ReleaseFailure where a package is not there in its next version alone, or the consumer no longer compiles or runs
 */
export function upgrade(root: string, project: string, release: PlannedRelease, tarballs: Tarballs): void {
  requireVersions(project, release, "previous");
  writeManifest(root, project, tarballs, []);
  execute(project, npmInstall);
  requireVersions(project, release, "version");
  compile(project, "tsconfig.upgraded.json", "upgraded/consumer.js");
  execute(project, ["node", "upgraded/consumer.js"]);
}

/** Each package is installed once, in the version that the release says. */
function requireVersions(project: string, release: PlannedRelease, which: "previous" | "version"): void {
  for (const planned of release.packages) {
    const folder = join(project, "node_modules", planned.name);
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      readonly version: string;
    };
    if (version !== planned[which])
      throw new ReleaseFailure(`${planned.name} ${version} is installed, not ${planned[which]}`);
    const nested = readdirSync(folder).includes("node_modules")
      ? readdirSync(join(folder, "node_modules")).filter((name) => name === "@corella")
      : [];
    if (nested.length > 0) throw new ReleaseFailure(`${planned.name} has a second copy of another package`);
  }
}
