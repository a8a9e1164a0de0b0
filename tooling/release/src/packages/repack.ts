import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { execute } from "../execute.ts";
import type { Tarballs } from "./pack.ts";
import { tarballName } from "./publishable.ts";
import type { PlannedRelease } from "../dry-run/plan.ts";

/** Where a manifest names other packages of the release. */
const groups = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"] as const;

type PackedManifest = {
  readonly name: string;
  readonly version: string;
} & { readonly [Group in (typeof groups)[number]]?: Readonly<Record<string, string>> };

/** A packed manifest as of its next version: its own, and those of the packages of the release that it names. */
export function nextManifest<Some extends PackedManifest>(manifest: Some, release: PlannedRelease): Some {
  const versions = new Map(release.packages.map(({ name, version }) => [name, version]));
  const next = groups.flatMap((group) => {
    const named = manifest[group];
    if (named === undefined) return [];
    const ranges = Object.entries(named).map(([name, range]) => [name, versions.get(name) ?? range]);
    return [[group, Object.fromEntries(ranges)]];
  });
  return { ...manifest, version: versions.get(manifest.name)!, ...Object.fromEntries(next) };
}

/**
 * Makes the tarballs of a planned release from those of the present version: the same files with the next versions in their manifests,
 * and the changelogs. A release has nothing else that is new, as its commit changes versions and changelogs alone; the full dry run
 * compares these with what `pnpm pack` makes of that commit.
 * @param folder is there, and gets the tarballs
 */
export function repackAll(packed: Tarballs, release: PlannedRelease, folder: string): Tarballs {
  return Object.fromEntries(
    release.packages.map(({ name, version, changelog }) => {
      const unpacked = join(folder, `unpacked-${basename(name)}`);
      mkdirSync(unpacked);
      execute(unpacked, ["tar", "-xzf", packed[name]!]);
      const file = join(unpacked, "package/package.json");
      const manifest = JSON.parse(readFileSync(file, "utf8")) as PackedManifest;
      writeFileSync(file, JSON.stringify(nextManifest(manifest, release), null, 2));
      writeFileSync(join(unpacked, "package/CHANGELOG.md"), changelog);
      const path = join(folder, tarballName(name, version));
      execute(unpacked, ["tar", "-czf", path, "package"]);
      rmSync(unpacked, { recursive: true });
      return [name, path];
    }),
  );
}
