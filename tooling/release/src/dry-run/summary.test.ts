import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { PlannedRelease } from "./plan.ts";
import { keepRelease, summaryOf } from "./summary.ts";

const folder = mkdtempSync(join(tmpdir(), "corella-summary-"));
afterAll(() => rmSync(folder, { recursive: true }));

const changelog = [
  "# @corella/crm",
  "## 0.2.0",
  "### Minor Changes",
  "- abc: One.",
  "- def: Two.",
  "- Updated dependencies",
  "## 0.1.0",
  "- old",
].join("\n");
const release: PlannedRelease = {
  commit: "0123456789abcdef",
  changesets: 2,
  packages: [{ name: "@corella/crm", previous: "0.1.0", version: "0.2.0", changelog }],
};

test("a summary counts what is new in a version, and asks for the organisation as long as there is none", () => {
  const [first, crm, ...rest] = summaryOf(release, "git+https://github.com/team/corella.git").split("\n");
  expect(first).toBe("Of commit 0123456789, with 2 changesets, would be published:");
  expect(crm).toBe("  @corella/crm             0.1.0 -> 0.2.0   2 changes");
  expect(rest).toHaveLength(1);
  expect(summaryOf(release, "git+https://github.com/your-organisation/corella.git")).toContain(
    "Before: name",
  );
});

test("tarballs, provenance and changelogs are kept in one folder", () => {
  const [tarball, provenance] = ["crm.tgz", "provenance.intoto.json"].map((name) => join(folder, name));
  writeFileSync(tarball!, "packed");
  writeFileSync(provenance!, "{}");
  const out = join(folder, "deep/out");
  keepRelease(release, { "@corella/crm": tarball! }, provenance!, out);
  expect(readdirSync(out).toSorted()).toEqual(["CHANGELOG-crm.md", "crm.tgz", "provenance.intoto.json"]);
  expect(readFileSync(join(out, "CHANGELOG-crm.md"), "utf8")).toBe(changelog);
});
