import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type IdBatch,
  prepareSamples,
  readBatches,
  type SampleFolder,
  streamBatches,
} from "@corella/modality";
import type { BenchCase, Subject } from "../contestant.ts";
import { randomLog, trainingMap } from "../programs/random-log.ts";

/** ML-1M's training part. */
const trainingRows = 776_007;
const batchSize = 4096;

/** Enough for any number of rounds: like training, ours reads all epochs from one stream. */
const epochs = 10_000;

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
    subject: () => epochByEpoch(folder, (samples) => source(samples, { batchSize, shuffleSeed: 1, epochs })),
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

async function epochByEpoch(
  folder: string,
  read: (samples: SampleFolder) => AsyncGenerator<IdBatch, void, undefined>,
): Promise<Subject> {
  const log = randomLog(1_000_209, 6040, 3706);
  const rows = Uint32Array.from({ length: trainingRows }, (_, i) => i);
  const samples = await prepareSamples(trainingMap(log, rows), log, rows, {
    cacheFolder: folder,
    scatterSeed: 1,
  });
  const batches = read(samples);
  return {
    async step() {
      let count = 0;
      while (count < trainingRows) count += (await batches.next()).value!.size;
    },
    async dispose() {
      await batches.return();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
