import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { execute } from "../execute.ts";
import type { Tarballs } from "./pack.ts";
import { tarballName } from "./publishable.ts";
import type { PlannedRelease } from "../dry-run/plan.ts";

interface PackedManifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A packed manifest as of its next version: its own, and those of the packages of the release that it depends on. */
export function nextManifest<Some extends PackedManifest>(manifest: Some, release: PlannedRelease): Some {
  const { name } = manifest as unknown as { readonly name: string };
  const version = release.packages.find((each) => each.name === name)!.version;
  const { dependencies } = manifest;
  if (dependencies === undefined) return { ...manifest, version };
  const next = Object.entries(dependencies).map(([dependency, range]) => [
    dependency,
    release.packages.find((each) => each.name === dependency)?.version ?? range,
  ]);
  return { ...manifest, version, dependencies: Object.fromEntries(next) as Record<string, string> };
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
