import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tryPackages } from "./consumer/try-packages.ts";
import { versionClone, type PlannedRelease } from "./dry-run/plan.ts";
import { keepRelease, summaryOf } from "./dry-run/summary.ts";
import { execute, ReleaseFailure, timed } from "./execute.ts";
import { tarballDifferences } from "./packages/compare.ts";
import { packAll, type Tarballs } from "./packages/pack.ts";
import { publishablePackages } from "./packages/publishable.ts";
import { repackAll } from "./packages/repack.ts";
import { publish } from "./publish.ts";
import { repositoryOf } from "./repository.ts";

const help = `Usage: pnpm release --dry-run [--out <folder>]
       pnpm release --publish

  --dry-run       makes the next release of the last commit in a clean clone, tries it as its consumers would, publishes nothing
  --out <folder>  keeps its tarballs, changelogs and unsigned provenance there
  --publish       publishes the versions of this commit; in the workflow release.yml only
  -h, --help      this text`;

const root = join(import.meta.dirname, "../../..");

/** Makes the next release in a clone and packs it, which gives what `pnpm consumer` makes of the present tarballs. */
async function nextOf(
  clone: string,
  packed: Tarballs,
  folder: string,
): Promise<{ readonly release: PlannedRelease; readonly tarballs: Tarballs }> {
  const release = await timed("versions and changelogs", () => versionClone(clone, clone));
  const packages = publishablePackages(clone);
  const tarballs = await timed("pack them", () => packAll(clone, packages, folder));
  const repacked = join(folder, "repacked");
  mkdirSync(repacked);
  await timed("compare with those that `pnpm consumer` makes", () => {
    const made = repackAll(packed, release, repacked);
    for (const { name } of packages) {
      const differences = tarballDifferences(made[name]!, tarballs[name]!, join(repacked, name));
      if (differences.length > 0)
        throw new ReleaseFailure(`${name}, repacked and packed: ${differences.join("; ")}`);
    }
  });
  rmSync(repacked, { recursive: true });
  return { release, tarballs };
}

async function dryRun(folder: string, out: string | undefined): Promise<void> {
  const clone = join(folder, "clone");
  await timed("clone the last commit", () =>
    execute(root, ["git", "clone", "--quiet", "--no-tags", ".", clone]),
  );
  const pnpm = ["npx", "--yes", "pnpm@12"];
  await timed("install what the lock file names", () =>
    execute(clone, [...pnpm, "install", "--frozen-lockfile", "--prefer-offline"]),
  );
  await timed("build", () => execute(clone, [...pnpm, "build"]));
  const tried = join(folder, "tried");
  mkdirSync(tried);
  const { release, tarballs, provenance } = await tryPackages(clone, tried, (packed, next) =>
    nextOf(clone, packed, next),
  );
  process.stdout.write(`\n${summaryOf(release, repositoryOf(root))}\n`);
  if (out === undefined) return;
  keepRelease(release, tarballs, provenance, out);
  process.stdout.write(`Kept in ${out}\n`);
}

const { values } = parseArgs({
  options: {
    "dry-run": { type: "boolean", default: false },
    publish: { type: "boolean", default: false },
    out: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help || values["dry-run"] === values.publish) {
  process.stdout.write(`${help}\n`);
  process.exitCode = values.help ? 0 : 1;
} else {
  const folder = mkdtempSync(join(tmpdir(), "corella-release-"));
  try {
    if (values.publish) {
      const changesets = readdirSync(join(root, ".changeset")).filter((file) => file.endsWith(".md")).length;
      const published = publish(root, folder, changesets);
      process.stdout.write(`release: published ${published.join(", ") || "nothing new"}\n`);
    } else await dryRun(folder, values.out);
    rmSync(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof ReleaseFailure)) throw error;
    process.stderr.write(`release: ${error.message}\nrelease: what there is lies in ${folder}\n`);
    process.exitCode = 1;
  }
}
