import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors } from "@corella/safetensors";
import { eagerRuntime, onnxRuntime, type Runtime } from "@corella/engine";
import { describe, expect, test } from "vitest";
import { runFuxiCtrCase, fuxiCtrTolerance, type CaseTensors, type FuxiCtrCase } from "./fuxictr/index.ts";

const beside = join(import.meta.dirname, "goldens");
const shared = join(import.meta.dirname, "../../../../shared/goldens/crm");
const runtimes = [onnxRuntime({ threads: 2 }), eagerRuntime("cpu")];

const folders = [beside];
if (existsSync(shared)) folders.push(shared);
else console.log(`skipped: the goldens of ${shared} are not here; the copies in ${beside} run`);

for (const folder of folders) {
  const cases = (await readdir(folder)).filter((name) => name.endsWith(".json"));
  describe(`as FuxiCTR computes it: ${folder}`, () => {
    for (const file of cases) {
      for (const runtime of runtimes) {
        test(`${file.replace(".json", "")} on ${runtime.name}`, async () => {
          const { info, tensors } = await readCase(join(folder, file.replace(".json", "")));
          expect(await beyondTolerance(info, tensors, runtime)).toEqual([]);
        });
      }
    }
  });
}

test("a case in the mode of inference drops nothing", async () => {
  const { info, tensors } = await readCase(join(beside, "din_eval"));
  const config = { ...info.config, net_dropout: 0.5, attention_dropout: 0.5 };
  expect(await beyondTolerance({ ...info, config }, tensors, runtimes[1]!)).toEqual([]);
});

async function readCase(path: string): Promise<{ info: FuxiCtrCase; tensors: CaseTensors }> {
  const info = JSON.parse(await readFile(`${path}.json`, "utf8")) as FuxiCtrCase;
  return { info, tensors: await readTensors(`${path}.safetensors`) };
}

async function beyondTolerance(info: FuxiCtrCase, tensors: CaseTensors, runtime: Runtime): Promise<string[]> {
  const pairs = await runFuxiCtrCase(info, tensors, runtime);
  expect(new Set(pairs.map(({ group }) => group))).toContain("grad");
  const beyond: string[] = [];
  for (const { group, tensor, ours, golden } of pairs) {
    const difference = largestDifference(ours, golden);
    const tolerance = fuxiCtrTolerance(group, info);
    if (!(difference <= tolerance)) beyond.push(`${tensor}: ${difference} > ${tolerance}`);
  }
  return beyond;
}

async function readTensors(path: string): Promise<CaseTensors> {
  const file = await readSafetensors(path);
  const tensors: Record<string, CaseTensors[string]> = {};
  for (const name of file.names) {
    const { shape } = file.info(name);
    const isId = name.startsWith("input.") && file.info(name).dtype !== "F32";
    tensors[name] = {
      shape,
      data: isId ? await file.readInt32(name) : await file.readFloat32(name),
    };
  }
  await file.close();
  return tensors;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((largest, value, i) => {
    const difference = Math.abs(value - b[i]!);
    return difference <= largest ? largest : Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }, 0);
}
