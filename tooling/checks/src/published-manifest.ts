import type { Violation } from "./violation.ts";
import type { Manifest, Member, Workspace } from "./workspace.ts";

/** What a published package's manifest says as the repository's own package.json does: changed there, once for all. */
export interface PublishedFields {
  readonly license: string | undefined;
  readonly homepage: string;
  readonly repository: { readonly type: "git"; readonly url: string; readonly directory: string };
  readonly bugs: string;
  readonly engines: Readonly<Record<string, string>> | undefined;
  readonly files: readonly string[];
  readonly sideEffects: false;
}

/** Fewest keywords of a published package, `corella` among them. */
const fewestKeywords = 3;

/** The manifests that are published: those of `packages/` that are not private. */
export function publishedMembers({ members }: Workspace): readonly Member[] {
  return members.filter(({ group, manifest }) => group === "packages" && manifest.private !== true);
}

/**
 * The fields of a published manifest that follow from the repository's package.json and from the package's folder;
 * undefined where the repository names no address of its own.
 */
export function publishedFields(root: Manifest, folder: string): PublishedFields | undefined {
  const url = root.repository?.url;
  if (url === undefined) return undefined;
  const page = url.replace(/^git\+/, "").replace(/\.git$/, "");
  return {
    license: root.license,
    homepage: `${page}/tree/main/${folder}#readme`,
    repository: { type: "git", url, directory: folder },
    bugs: `${page}/issues`,
    engines: root.engines,
    files: ["dist", "CHANGELOG.md"],
    sideEffects: false,
  };
}

/**
 * Holds every published manifest to what npm, its provenance and its readers need: who it belongs to, where its source and its issues are,
 * which Node runs it, what is packed, that it is public and carries a provenance, and words to find it by.
 */
export function checkPublishedManifests(workspace: Workspace): readonly Violation[] {
  const published = publishedMembers(workspace);
  const violations: Violation[] = [];
  for (const { folder, manifest } of published) {
    const report = (problem: string, remedy: string): void => {
      violations.push({ file: `${folder}/package.json`, line: 1, rule: "published", problem, remedy });
    };
    const expected = publishedFields(workspace.manifest, folder);
    if (expected === undefined) {
      report("no repository to be published from", "name its `repository` in the root's package.json");
      continue;
    }
    for (const [field, value] of Object.entries(expected)) {
      if (!isSame(manifest[field as keyof Manifest], value))
        report(`\`${field}\` is not ${JSON.stringify(value)}`, "run `pnpm check --write`");
    }
    const { publishConfig, keywords, description } = manifest;
    if (publishConfig?.access !== "public" || publishConfig.provenance !== true)
      report(
        "`publishConfig` is not public with a provenance",
        'say `"access": "public", "provenance": true`',
      );
    if ((keywords ?? []).length < fewestKeywords || keywords?.includes("corella") !== true)
      report(
        `fewer than ${fewestKeywords} keywords, or not "corella" among them`,
        "name what a search would say",
      );
    if ((description ?? "").trim() === "") report("no description", "say in a sentence what it is for");
  }
  return violations;
}

function isSame(actual: unknown, expected: unknown): boolean {
  return JSON.stringify(actual) === JSON.stringify(expected);
}
