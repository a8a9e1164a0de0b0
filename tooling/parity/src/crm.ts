import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  fuxiCtrTolerance,
  runFuxiCtrCase,
  type CaseDifference,
  type CaseTensors,
  type FuxiCtrCase,
} from "@corella/crm/fuxictr";
import type { Runtime } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { readSafetensors } from "@corella/safetensors";
import { largestDifference, type Comparison } from "./comparison.ts";

/** The cases of a folder of FuxiCTR goldens: `<case>.json` that names a model, beside `<case>.safetensors`. */
export async function crmCases(folder: string): Promise<string[]> {
  const files = new Set(await readdir(folder));
  const cases: string[] = [];
  for (const file of [...files].sort()) {
    const name = file.replace(/\.json$/, "");
    if (name === file || !files.has(`${name}.safetensors`)) continue;
    const text = await readFile(join(folder, file), "utf8");
    if (/"model"\s*:\s*"/.test(text)) cases.push(name);
  }
  return cases;
}

/** Computes every case on every runtime; one comparison for each group of tensors. */
export async function compareCrm(folder: string, runtimes: readonly Runtime[]): Promise<Comparison[]> {
  const results: Comparison[] = [];
  for (const name of await crmCases(folder)) {
    const info = await readInfo(join(folder, `${name}.json`));
    const tensors = await readTensors(join(folder, `${name}.safetensors`));
    for (const runtime of runtimes) {
      const label = `${name} (${runtime.name})`;
      results.push(...byGroup(label, await runFuxiCtrCase(info, tensors, runtime), info));
    }
  }
  return results;
}

function byGroup(label: string, pairs: readonly CaseDifference[], info: FuxiCtrCase): Comparison[] {
  const largest = new Map<string, number>();
  for (const { group, ours, golden } of pairs) {
    largest.set(group, Math.max(largest.get(group) ?? 0, largestDifference(ours, golden)));
  }
  return [...largest].map(([group, difference]) => {
    return { case: label, group, difference, tolerance: fuxiCtrTolerance(group, info) };
  });
}

async function readInfo(path: string): Promise<FuxiCtrCase> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as FuxiCtrCase;
  } catch (cause) {
    throw new CorellaError({
      code: "parity/bad-json",
      message: "The case's description is not JSON.",
      place: path,
      remedy: "Make the goldens again with shared/goldens/make_crm_goldens.py.",
      cause,
    });
  }
}

async function readTensors(path: string): Promise<CaseTensors> {
  const file = await readSafetensors(path);
  try {
    const tensors: Record<string, CaseTensors[string]> = {};
    for (const name of file.names) {
      const { shape, dtype } = file.info(name);
      const data = dtype.startsWith("I") ? await file.readInt32(name) : await file.readFloat32(name);
      tensors[name] = { shape, data };
    }
    return tensors;
  } finally {
    await file.close();
  }
}
