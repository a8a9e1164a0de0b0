import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareSamples, readBatches, type SampleFolder, streamBatches } from "@corella/modality";
import type { BenchCase, Subject } from "../contestant.ts";
import { randomLog, trainingMap } from "../programs/random-log.ts";

/** ML-1M's training part. */
const trainingRows = 776_007;
const batchSize = 4096;

/** An epoch of shuffled batches from shards that the operating system has in memory. */
export function dataCases(): BenchCase[] {
  const folder = mkdtempSync(join(tmpdir(), "corella-bench-"));
  const names = [
    ["stream", "in a worker thread", streamBatches],
    ["read", "in the thread that asks", readBatches],
  ] as const;
  return names.map(([name, where, source]): BenchCase => ({
    name: `batches-${name}`,
    what: `an epoch of batches of ${batchSize} with two histories of 30, made ${where}`,
    subject: () => epochs(folder, (samples, epoch) => source(samples, { batchSize, shuffleSeed: 1, epoch })),
    rivals: (["fuxictr", "fuxictr-streaming"] as const).map((rival) => ({
      name: rival,
      peer: {
        script: "fuxictr_data.py",
        settings: { folder, batch: batchSize, streaming: rival === "fuxictr-streaming" },
      },
      note:
        rival === "fuxictr"
          ? "all rows in memory, shuffled by torch"
          : "blocks from disk, shuffled within a buffer of 100,000 rows only",
    })),
    steps: 1,
    perStep: { unit: "samples", count: trainingRows },
  }));
}

async function epochs(
  folder: string,
  read: (samples: SampleFolder, epoch: number) => AsyncIterable<{ readonly size: number }>,
): Promise<Subject> {
  const log = randomLog(1_000_209, 6040, 3706);
  const rows = Uint32Array.from({ length: trainingRows }, (_, i) => i);
  const samples = await prepareSamples(trainingMap(log, rows), log, rows, {
    cacheFolder: folder,
    scatterSeed: 1,
  });
  let epoch = 0;
  return {
    async step() {
      let count = 0;
      for await (const { size } of read(samples, epoch++)) count += size;
      if (count !== trainingRows) throw new Error(`an epoch had ${count} samples`);
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}
