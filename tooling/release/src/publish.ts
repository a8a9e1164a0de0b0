import { execute, ReleaseFailure } from "./execute.ts";
import { packAll } from "./packages/pack.ts";
import { publishablePackages, type Publishable } from "./packages/publishable.ts";
import { repositoryOf } from "./repository.ts";

/** The organisation that stands in the repository's package.json until there is one. */
export const placeholder = "your-organisation";

/** The first npm that publishes by the identity of a workflow, without a token. */
const firstTrustedNpm = [11, 5, 1] as const;

/** Why a release may not go out from here; empty where it may. */
export function publishRefusals(where: {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly repository: string;
  readonly npmVersion: string;
  readonly version: string;
  readonly changesets: number;
}): string[] {
  const { environment, repository, npmVersion, version, changesets } = where;
  const refusals: string[] = [];
  if (environment["ACTIONS_ID_TOKEN_REQUEST_URL"] === undefined)
    refusals.push("only .github/workflows/release.yml publishes, by its own identity: try `--dry-run`");
  if (repository.includes(`/${placeholder}/`))
    refusals.push(
      "`repository` of package.json names no organisation yet, and npm compares it with the provenance",
    );
  const found = npmVersion.split(".").map(Number);
  const at = firstTrustedNpm.findIndex((part, i) => part !== found[i]);
  if (at >= 0 && !(found[at]! > firstTrustedNpm[at]!))
    refusals.push(
      `npm ${npmVersion} is older than ${firstTrustedNpm.join(".")}, which publishes without a token`,
    );
  if (version === "0.0.0" || changesets > 0)
    refusals.push(
      "the versions of this commit are not those of a release: merge the pull request of the next one",
    );
  return refusals;
}

/**
 * Publishes what the registry does not have, each tarball with a signed provenance, packages before those that need them, and tags the commit. A release
 * that was interrupted is gone on with.
 * @param root the release's commit, built
 * @param folder is there and empty
 * @throws ReleaseFailure where it may not be published from here, or npm refuses
 */
export function publish(root: string, folder: string, changesets: number): readonly string[] {
  const packages = publishablePackages(root);
  const { version } = packages[0]!;
  const npmVersion = execute(root, ["npm", "--version"]).trim();
  const refusals = publishRefusals({
    environment: process.env,
    repository: repositoryOf(root),
    npmVersion,
    version,
    changesets,
  });
  if (refusals.length > 0) throw new ReleaseFailure(`nothing is published:\n  ${refusals.join("\n  ")}`);
  const tarballs = packAll(root, packages, folder);
  const published: string[] = [];
  for (const { name } of inOrder(packages)) {
    if (isPublished(root, `${name}@${version}`)) continue;
    execute(root, ["npm", "publish", tarballs[name]!, "--provenance", "--access", "public"]);
    published.push(`${name}@${version}`);
  }
  execute(root, ["git", "tag", "--force", `v${version}`]);
  return published;
}

/** Packages before those that depend on them. */
export function inOrder<Some extends Pick<Publishable, "name" | "dependencies">>(
  packages: readonly Some[],
): Some[] {
  const ordered: Some[] = [];
  const visit = (each: Some): void => {
    if (ordered.includes(each)) return;
    for (const other of packages) if (each.dependencies.includes(other.name)) visit(other);
    ordered.push(each);
  };
  packages.forEach(visit);
  return ordered;
}

function isPublished(root: string, reference: string): boolean {
  try {
    return execute(root, ["npm", "view", reference, "version"]).trim() !== "";
  } catch (error) {
    // Neither the version nor, before the first release, the package.
    if (error instanceof ReleaseFailure && error.message.includes("E404")) return false;
    throw error;
  }
}
