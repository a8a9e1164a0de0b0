import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planRelease } from "../dry-run/plan.ts";
import { ReleaseFailure, timed } from "../execute.ts";
import { repackAll } from "../packages/repack.ts";
import { tryPackages } from "./try-packages.ts";

/**
 * `pnpm consumer`: tries what is published as its consumers do, and the upgrade to the next release, whose tarballs are made from those that are packed
 * anyway. Needs `pnpm build` before. `pnpm release --dry-run` does the same in a clean clone, and packs the next release for itself.
 */
const root = join(import.meta.dirname, "../../../..");
const folder = mkdtempSync(join(tmpdir(), "corella-consumer-"));
try {
  const { release } = await tryPackages(root, folder, async (packed, next) => {
    const planned = await timed("versions and changelogs of the next release", () =>
      planRelease(root, join(folder, "clone")),
    );
    const tarballs = await timed("its tarballs", () => repackAll(packed, planned, next));
    return { release: planned, tarballs };
  });
  process.stdout.write(
    `consumer: ${release.packages.length} packages do what they should, and in their next version ${release.packages[0]!.version}\n`,
  );
  rmSync(folder, { recursive: true });
} catch (error) {
  if (!(error instanceof ReleaseFailure)) throw error;
  process.stderr.write(`consumer: ${error.message}\nconsumer: the project is left in ${folder}\n`);
  process.exitCode = 1;
}
