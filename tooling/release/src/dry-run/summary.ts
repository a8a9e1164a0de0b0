import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { placeholder } from "../publish.ts";
import type { Tarballs } from "../packages/pack.ts";
import type { PlannedRelease } from "./plan.ts";

/**
 * Says what a release would publish: each package with its versions and how many changes its changelog tells of.
 * @param repository its address, as the manifests have it
 */
export function summaryOf(release: PlannedRelease, repository: string): string {
  const lines = [
    `Of commit ${release.commit.slice(0, 10)}, with ${release.changesets} changesets, would be published:`,
    ...release.packages.map(
      ({ name, previous, version, changelog }) =>
        `  ${name.padEnd(24)} ${previous} -> ${version}   ${changesOf(changelog, version)} changes`,
    ),
    "Provenance: an in-toto statement with a SLSA v1 predicate, not signed; the one that is published is signed by the workflow.",
  ];
  if (repository.includes(`/${placeholder}/`))
    lines.push(`Before: name the organisation in place of ${placeholder} (docs/releases.md).`);
  return lines.join("\n");
}

/** Entries of a version in a changelog, without those that only tell of other packages. */
function changesOf(changelog: string, version: string): number {
  const [, own = ""] = changelog.split(`## ${version}\n`);
  const [section] = own.split(/^## /m);
  return section!.split("\n").filter((line) => /^- (?!Updated dependencies)/.test(line)).length;
}

/** Copies the tarballs and the provenance of a release into a folder, and writes its changelogs beside them. */
export function keepRelease(
  release: PlannedRelease,
  tarballs: Tarballs,
  provenance: string,
  folder: string,
): void {
  mkdirSync(folder, { recursive: true });
  for (const file of [...Object.values(tarballs), provenance])
    copyFileSync(file, join(folder, basename(file)));
  for (const { name, changelog } of release.packages)
    writeFileSync(join(folder, `CHANGELOG-${basename(name)}.md`), changelog);
}
