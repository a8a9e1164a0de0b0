import { openOutput } from "./output/open-output.ts";
import type { Plan } from "./plan-format.ts";
import { readSidecar } from "./run-shard.ts";

/** Sidecars that are asked for at once. */
const atOnce = 32;

/** The shards of a plan that have no part yet. */
export async function missingShards(plan: Plan): Promise<number[]> {
  const output = await openOutput(plan.output);
  const missing: number[] = [];
  for (let start = 0; start < plan.shards.length; start += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, plan.shards.length - start) }, (_, i) => start + i);
    const found = await Promise.all(some.map((shard) => readSidecar(output, plan, shard)));
    missing.push(...some.filter((_, i) => found[i] === undefined));
  }
  return missing;
}
