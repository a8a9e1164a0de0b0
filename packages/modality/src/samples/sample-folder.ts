import { CorellaError } from "@corella/errors";
import { createGenerator, shuffle } from "@corella/random";
import { createHash, type Hash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { createRowEncoder } from "../features/encode-rows.ts";
import type { FeatureMap } from "../features/feature-map.ts";
import { contextBytes } from "../context.ts";
import type { InteractionLog } from "../log.ts";
import {
  type FileSeal,
  fileSealSchema,
  readSealed,
  syncFolder,
  writeSealed,
} from "../prepared/column-files.ts";
import { makeFolder } from "../prepared/content-folder.ts";
import { tableBytes } from "../prepared/log-folder.ts";
import { statisticsOfLog } from "../statistics/count-log.ts";
import { gatherLists } from "../statistics/row-values.ts";
import { type ColumnLayout, layoutOf, parseShard, type Shard, shardBytes } from "./shard.ts";

/** Part of every key: raise it when the meaning of the files changes. */
const formatVersion = 3;
/** Some 13 MB with two 30-long histories: gathering at random is several times faster where that fits a processor's cache. */
const defaultShardSize = 2 ** 17;

/** Encoded samples on disk, in shards. Plain data: it may go to a worker thread. */
export interface SampleFolder {
  readonly folder: string;
  readonly size: number;
  /** Names of the features, in the feature map's order. */
  readonly features: readonly string[];
  readonly layout: readonly ColumnLayout[];
  readonly shards: readonly { readonly size: number; readonly seal: FileSeal }[];
  /** Whether rows are in shards at random, so that batches may be shuffled. */
  readonly scattered: boolean;
}

const manifestSchema: z.ZodType<Omit<SampleFolder, "folder">> = z.strictObject({
  size: z.int().nonnegative(),
  features: z.array(z.string()),
  layout: z.array(
    z.strictObject({
      name: z.string(),
      width: z.int().positive(),
      dtype: z.enum(["U8", "I16", "I32", "F32"]),
      features: z.array(z.string()).optional(),
    }),
  ),
  shards: z.array(z.strictObject({ size: z.int().positive(), seal: fileSealSchema })),
  scattered: z.boolean(),
});

/** The folder that keeps samples, and how they are cut into shards. */
export interface SampleOptions {
  cacheFolder: string;
  /**
   * Scatters the rows over the shards: needed for shuffled batches. Without it, or with one shard, samples are in the
   * order of `rows`.
   */
  scatterSeed?: number | undefined;
  /** Samples of one shard, the unit that is read and shuffled in memory. */
  shardSize?: number | undefined;
}

/**
 * Encodes rows of a log once and keeps them in a folder of safetensors files that is named by the hash of log, feature
 * map and rows. What is there already is not made again; crashes and other processes do no harm (see `makeFolder`).
 * @throws CorellaError `data/cache-not-writable`
 */
export async function prepareSamples(
  featureMap: FeatureMap,
  log: InteractionLog,
  rows: Uint32Array,
  options: SampleOptions,
): Promise<SampleFolder> {
  const { cacheFolder, scatterSeed, shardSize = defaultShardSize } = options;
  const key = keyOf(featureMap, log, rows, [scatterSeed ?? null, shardSize]);
  const folder = join(cacheFolder, `samples-${key}`);
  const kept = await openSamples(folder);
  if (kept !== undefined) return kept;
  const scattered = scatterSeed !== undefined || rows.length <= shardSize;
  let ordered = rows;
  if (scatterSeed !== undefined && rows.length > shardSize) {
    ordered = Uint32Array.from(rows);
    shuffle(ordered, createGenerator(scatterSeed, "scatter"));
  }
  await makeFolder(
    folder,
    async (unfinished) => {
      const layout = layoutOf(featureMap.features);
      const encode = createRowEncoder(featureMap, log);
      const shards: SampleFolder["shards"][number][] = [];
      // In the order of the log its columns are read forwards; the order within a shard is an epoch's business.
      const rowsOf = (start: number): Uint32Array => {
        const inShard = ordered.subarray(start, start + shardSize);
        return ordered === rows ? inShard : inShard.slice().sort();
      };
      for (const [start, statistics] of withStatistics(
        featureMap,
        log,
        ordered.length,
        shardSize,
        ordered === rows ? undefined : rowsOf,
      )) {
        const batch = encode(rowsOf(start), statistics);
        const seal = await writeSealed(unfinished, shardName(shards.length), shardBytes(layout, batch));
        shards.push({ size: batch.size, seal });
      }
      const features = featureMap.features.map(({ name }) => name);
      const manifest: Omit<SampleFolder, "folder"> = {
        size: rows.length,
        features,
        layout,
        shards,
        scattered,
      };
      await writeSealed(unfinished, "manifest.json", Buffer.from(JSON.stringify(manifest, undefined, 1)));
      await syncFolder(unfinished);
    },
    async () => (await openSamples(folder)) !== undefined,
  );
  return (await openSamples(folder))!;
}

/** Bytes of statistics that are gathered in one go through their file. */
const gatheredBytes = 2 ** 29;

/**
 * The starts of shards, with the statistics of their rows where the encoder should not look them up itself: rows at random of
 * what lies in a file are gathered in one go through it, for as many shards as fit the memory.
 * @param rowsOf the ascending rows of the shard at a start; undefined where a shard's rows are neighbours
 */
function* withStatistics(
  { statistics }: FeatureMap,
  log: InteractionLog,
  size: number,
  shardSize: number,
  rowsOf: ((start: number) => Uint32Array) | undefined,
): Generator<[start: number, statistics: Float32Array | undefined]> {
  const values = statistics === undefined ? undefined : statisticsOfLog(statistics, log).rows;
  const starts = Array.from({ length: Math.ceil(size / shardSize) }, (_, shard) => shard * shardSize);
  if (values?.inFile !== true || rowsOf === undefined) {
    for (const start of starts) yield [start, undefined];
    return;
  }
  const atOnce = Math.max(1, Math.floor(gatheredBytes / (4 * values.width * shardSize)));
  for (let first = 0; first < starts.length; first += atOnce) {
    const group = starts.slice(first, first + atOnce);
    const gathered = gatherLists(values, group.map(rowsOf));
    for (const [i, start] of group.entries()) yield [start, gathered[i]];
  }
}

/** The samples of a folder; undefined when it is not there, or lacks a file. Contents are checked when they are read. */
async function openSamples(folder: string): Promise<SampleFolder | undefined> {
  const text = await readFile(join(folder, "manifest.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const manifest = parseManifest(text);
  if (manifest === undefined) return undefined;
  for (const [index, { seal }] of manifest.shards.entries()) {
    const status = await stat(join(folder, shardName(index))).catch(() => undefined);
    if (status?.size !== seal.bytes) return undefined;
  }
  return { folder, ...manifest };
}

/**
 * Reads a shard.
 * @param memory to read into, as long as the longest shard; what was read there before is gone
 * @throws CorellaError `data/damaged-samples`
 */
export async function readShard(
  samples: SampleFolder,
  index: number,
  memory: Uint8Array<ArrayBuffer>,
): Promise<Shard> {
  const name = shardName(index);
  const bytes = await readSealed(samples.folder, name, samples.shards[index]!.seal, memory);
  if (bytes !== undefined) return parseShard(samples.layout, bytes, join(samples.folder, name));
  throw new CorellaError({
    code: "data/damaged-samples",
    message: "A file of prepared samples is missing or was changed.",
    place: join(samples.folder, name),
    remedy: `Delete the folder ${samples.folder}; it is made again.`,
  });
}

function shardName(index: number): string {
  return `shard-${String(index).padStart(5, "0")}.safetensors`;
}

function parseManifest(text: string): Omit<SampleFolder, "folder"> | undefined {
  try {
    return manifestSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The hash of all that the samples depend on. */
function keyOf(featureMap: FeatureMap, log: InteractionLog, rows: Uint32Array, settings: unknown): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([formatVersion, settings, log.history, featureMap.toJson()]));
  for (const column of [log.user, log.item, log.rating, log.time, log.label, rows]) hashColumn(hash, column);
  for (const column of log.context ?? []) {
    hashColumn(hash, column.codes);
    hash.update(contextBytes(column));
  }
  for (const table of [log.users, log.items]) hash.update(tableBytes(table));
  return hash.digest("hex").slice(0, 40);
}

const blockBytes = 2 ** 30; // a hash takes less than 2 GiB at once

function hashColumn(hash: Hash, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
  hash.update(String(byteLength));
  for (let at = 0; at < byteLength; at += blockBytes) {
    hash.update(new Uint8Array(buffer, byteOffset + at, Math.min(blockBytes, byteLength - at)));
  }
}
