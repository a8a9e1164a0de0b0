import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { PlannedRelease } from "./plan.ts";
import { provenanceStatement } from "./provenance.ts";

const root = mkdtempSync(join(tmpdir(), "corella-provenance-"));
afterAll(() => rmSync(root, { recursive: true }));

const release: PlannedRelease = {
  commit: "0123456789abcdef0123456789abcdef01234567",
  changesets: 1,
  packages: ["@corella/crm", "@corella/engine"].map((name) => ({
    name,
    previous: "0.0.0",
    version: "0.1.0",
    changelog: "## 0.1.0",
  })),
};

test("a statement names each tarball by its hash, the commit and the lock file, and no builder that it does not have", () => {
  writeFileSync(
    join(root, "package.json"),
    JSON.stringify({ repository: { url: "git+https://git.example.org/team/thing.git" } }),
  );
  writeFileSync(join(root, "pnpm-lock.yaml"), "lock");
  writeFileSync(join(root, "crm.tgz"), "crm");
  writeFileSync(join(root, "engine.tgz"), "engine");
  const tarballs = {
    "@corella/crm": join(root, "crm.tgz"),
    "@corella/engine": join(root, "engine.tgz"),
  };
  const { subject, predicate } = provenanceStatement(root, release, tarballs, new Date(0));
  const hash = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest("hex");
  expect(subject).toEqual([
    { name: "pkg:npm/%40corella/crm@0.1.0", digest: { sha512: hash("sha512", "crm") } },
    { name: "pkg:npm/%40corella/engine@0.1.0", digest: { sha512: hash("sha512", "engine") } },
  ]);
  expect(predicate.buildDefinition.resolvedDependencies).toEqual([
    { uri: "git+https://git.example.org/team/thing.git", digest: { gitCommit: release.commit } },
    expect.objectContaining({ digest: { sha256: hash("sha256", "lock") } }),
  ]);
  expect(predicate.runDetails.builder.id).toContain("unsigned-local-builder");
  expect(predicate.runDetails.metadata.startedOn).toBe("1970-01-01T00:00:00.000Z");
});
