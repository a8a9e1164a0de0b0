import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBundle } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import { hashFile } from "@corella/files";
import { otherInput } from "./input/input.ts";
import { missingShards } from "./missing.ts";
import { openOutput } from "./output/open-output.ts";
import type { Output } from "./output/output.ts";
import type { Plan } from "./plan-format.ts";
import { parseJson, requireSameBundle } from "./plan.ts";
import { partNames, readSidecar, type Sidecar } from "./run-shard.ts";
import { createCounter, type Summary } from "./summary.ts";
import { summaryPage } from "./summary-page.ts";

/** The file that readers trust alone, and the page beside it. */
export const manifestFile = "manifest.json";
const pageFile = "summary.html";

/** What a finished output consists of. */
export interface Manifest {
  readonly format: 1;
  /** Hash of the plan. */
  readonly plan: string;
  readonly bundle: Plan["bundle"];
  readonly schema: Plan["schema"];
  /** In the order of the inputs' rows. */
  readonly parts: readonly {
    readonly file: string;
    readonly rows: number;
    readonly bytes: number;
    readonly sha256: string;
  }[];
  readonly summary: Summary;
}

/**
 * Verifies inputs and all parts, writes the summary's page and then, last, the manifest. An output that is finished stays as it is.
 * @throws CorellaError `batch/missing` when parts are, `batch/damaged-part`, `batch/other-input`, `batch/other-bundle`
 */
export async function finish(
  plan: Plan,
  options: { readonly onPart?: ((done: number, total: number) => void) | undefined } = {},
): Promise<Manifest> {
  const output = await openOutput(plan.output);
  const finished = await readManifest(output);
  if (finished?.plan === plan.hash) return finished;
  const missing = await missingShards(plan);
  if (missing.length > 0) throw partsMissing(plan, missing);
  await requireSameBundle(plan);
  for (const { path, sha256 } of plan.inputs) {
    const found = await hashFile(path).catch(() => undefined);
    if (found?.sha256 !== sha256) throw otherInput(path, found === undefined);
  }
  const { scoreDistribution } = await openBundle(plan.bundle.folder, { verify: false });
  const counter = createCounter(scoreDistribution);
  const parts: { file: string; rows: number; bytes: number; sha256: string }[] = [];
  const folder = await mkdtemp(join(tmpdir(), "corella-finish-"));
  try {
    for (const shard of plan.shards.keys()) {
      const sidecar = (await readSidecar(output, plan, shard))!;
      const { part: file } = partNames(plan, shard);
      const bytes = await verifiedPart(output, file, sidecar);
      const rows = await counter.add(bytes, join(folder, "part.parquet"));
      if (rows !== sidecar.rows || rows !== plan.shards[shard]!.rows) throw damagedPart(output.placeOf(file));
      parts.push({ file, rows, bytes: sidecar.bytes, sha256: sidecar.sha256 });
      options.onPart?.(shard + 1, plan.shards.length);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const { hash, bundle, schema } = plan;
  const summary = counter.summary();
  const manifest: Manifest = { format: 1, plan: hash, bundle, schema, parts, summary };
  await output.putNew(pageFile, Buffer.from(summaryPage(plan, summary)));
  await output.putNew(manifestFile, Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`));
  return manifest;
}

/** The manifest of an output; undefined where it is not finished. */
export async function readManifest(output: Output): Promise<Manifest | undefined> {
  const bytes = await output.get(manifestFile);
  return bytes && (parseJson(bytes) as Manifest | undefined);
}

async function verifiedPart(output: Output, file: string, sidecar: Sidecar): Promise<Uint8Array> {
  const bytes = await output.get(file);
  const sha256 = bytes && createHash("sha256").update(bytes).digest("hex");
  if (bytes?.length !== sidecar.bytes || sha256 !== sidecar.sha256) throw damagedPart(output.placeOf(file));
  return bytes;
}

function damagedPart(place: string): CorellaError {
  return new CorellaError({
    code: "batch/damaged-part",
    message: "A part is not what stands beside it: it was changed, or is gone.",
    place,
    remedy: "Delete it and the .json beside it, and run its shard again.",
  });
}

function partsMissing({ shards, output }: Plan, missing: readonly number[]): CorellaError {
  const some = missing.slice(0, 10).join(", ");
  return new CorellaError({
    code: "batch/missing",
    message: `${missing.length} of ${shards.length} parts are missing: ${some}${missing.length > 10 ? ", …" : ""}.`,
    place: output,
    remedy: "Run these shards first.",
  });
}
