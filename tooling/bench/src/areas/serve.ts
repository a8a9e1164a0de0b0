import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import type { MeasureOptions } from "../serve/measure.ts";
import { serveMeasures } from "../serve/measures.ts";
import { prepareRequests, writeSamples } from "../serve/requests.ts";

/** How the area is measured. */
export interface ServeOptions extends Pick<
  MeasureOptions,
  "bundle" | "rounds" | "seconds" | "perSecond" | "report"
> {
  /** One measure; default: all. */
  readonly only?: string | undefined;
  readonly list?: boolean | undefined;
}

/** Samples that are asked in turn. */
const sampleCount = 2000;

/**
 * Measures the server as its users meet it: by HTTP, in a process of its own, the load on the same machine.
 * @param print takes a line for each measure
 * @throws CorellaError `bench/unknown-case`
 */
export async function measureServing(options: ServeOptions, print: (result: object) => void): Promise<void> {
  const chosen = serveMeasures.filter(({ name }) => options.only === undefined || name === options.only);
  if (chosen.length === 0) {
    throw new CorellaError({
      code: "bench/unknown-case",
      message: `There is no case ${JSON.stringify(options.only)}.`,
      place: "--only",
      remedy: `Choose among ${serveMeasures.map(({ name }) => name).join(", ")}.`,
    });
  }
  if (options.list === true) {
    for (const { name, what } of chosen) process.stdout.write(`${name}: ${what}\n`);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), "corella-bench-serve-"));
  try {
    options.report("preparing the samples and the peer's files");
    const requests = await prepareRequests(options.bundle, folder, sampleCount);
    await writeSamples(folder, requests);
    for (const { name, needsLlm, run } of chosen) {
      if (needsLlm === true && !requests.hasLlm) options.report(`${name}: left out, the bundle has no LLM`);
      else for (const result of await run({ ...options, folder, requests })) print(result);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}
