import { readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { execute, ReleaseFailure } from "../execute.ts";
import { publishablePackages } from "../packages/publishable.ts";

/** What the next release holds. */
export interface PlannedRelease {
  /** The commit that it is made from. */
  readonly commit: string;
  /** How many changesets go into it. */
  readonly changesets: number;
  readonly packages: readonly PlannedPackage[];
}

/** A package as the next release has it. */
export interface PlannedPackage {
  readonly name: string;
  /** The version before. */
  readonly previous: string;
  readonly version: string;
  /** The content of its CHANGELOG.md. */
  readonly changelog: string;
}

/**
 * Clones the repository's last commit and lets changesets give versions and write changelogs there, as the release's commit would.
 * What is not committed is not in it.
 * @param root the repository, with its tools installed
 * @param clone a folder that is not there yet, and stays
 * @throws ReleaseFailure where a package has changes and gets no new version or no changelog, or packages get different versions
 */
export function planRelease(root: string, clone: string): PlannedRelease {
  execute(root, ["git", "clone", "--quiet", "--shared", "--no-tags", ".", clone]);
  symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
  return versionClone(root, clone);
}

/**
 * Changesets looks for the commit of each changeset, and in a repository without its history asks for more of it for ever: such a clone gets a
 * history of one commit of its own.
 */
function withoutHistory(clone: string): void {
  rmSync(join(clone, ".git"), { recursive: true });
  execute(clone, ["git", "init", "--quiet"]);
  execute(clone, ["git", "add", "--all", "."]);
  const author = ["-c", "user.name=dry run", "-c", "user.email=dry-run@localhost"];
  execute(clone, ["git", ...author, "commit", "--quiet", "--no-verify", "--message", "All that there is"]);
}

/** What `planRelease` does once there is a clone in which the tools can be found. */
export function versionClone(root: string, clone: string): PlannedRelease {
  const commit = execute(clone, ["git", "rev-parse", "HEAD"]).trim();
  if (execute(clone, ["git", "rev-parse", "--is-shallow-repository"]).trim() === "true")
    withoutHistory(clone);
  const before = publishablePackages(clone);
  const changesets = changesetsOf(clone);
  if (changesets.length === 0)
    throw new ReleaseFailure("there is no changeset, so there is nothing to release");
  execute(clone, ["node", join(root, "node_modules/@changesets/cli/bin.js"), "version"]);
  const left = changesetsOf(clone);
  if (left.length > 0) throw new ReleaseFailure(`changesets that no release took: ${left.join(", ")}`);
  const after = publishablePackages(clone);
  const versions = new Set(after.map(({ version }) => version));
  if (versions.size !== 1)
    throw new ReleaseFailure(`packages that go together have the versions ${[...versions].join(", ")}`);
  return {
    commit,
    changesets: changesets.length,
    packages: after.map(({ name, version, folder }, i) => {
      const previous = before[i]!.version;
      const changelog = readFileSync(join(clone, folder, "CHANGELOG.md"), "utf8");
      if (version === previous || !changelog.includes(`## ${version}`))
        throw new ReleaseFailure(
          `${name} stays at ${previous}, or its changelog does not tell of ${version}`,
        );
      return { name, previous, version, changelog };
    }),
  };
}

function changesetsOf(root: string): string[] {
  return readdirSync(join(root, ".changeset")).filter((file) => file.endsWith(".md") && file !== "README.md");
}
