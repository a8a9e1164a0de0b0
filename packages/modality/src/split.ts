import { CorellaError } from "@corella/errors";
import { createGenerator, shuffle } from "@corella/random";
import type { DataConfig, Shares } from "./config.ts";
import { historyLength, type InteractionLog } from "./log.ts";

/** Rows of the log, each part in global time order. */
export interface LogSplit {
  train: Uint32Array;
  validation: Uint32Array;
  test: Uint32Array;
}

/**
 * Splits the samples: the rows with at least `filter.minHistory` earlier interactions of their user.
 * @example
 * ```ts
 * import { createLog, splitLog } from "@corella/modality";
 *
 * const log = createLog({
 *   user: Int32Array.of(0, 0, 1, 1),
 *   item: Int32Array.of(0, 1, 0, 1),
 *   rating: Float32Array.of(5, 2, 4, 1),
 *   label: Uint8Array.of(1, 0, 1, 0),
 *   time: Float64Array.of(1, 2, 3, 4),
 *   users: { ids: ["ann", "ben"], activeCount: 2, attributes: [{}, {}] },
 *   items: { ids: ["heat", "fargo"], activeCount: 2, attributes: [{}, {}] },
 *   history: { maxLength: 10, ties: "exclude" },
 *   likedThreshold: 4,
 * });
 * const parts = splitLog(log, {
 *   filter: { minHistory: 0 },
 *   split: { kind: "time", shares: [0.5, 0.25, 0.25] },
 * });
 * console.log(parts.train.length, parts.validation.length, parts.test.length); // 2 1 1
 * ```
 */
export function splitLog(log: InteractionLog, config: Pick<DataConfig, "filter" | "split">): LogSplit {
  const { split, filter } = config;
  const samples = sampleRows(log, filter.minHistory);
  if (samples.length === 0) {
    throw new CorellaError({
      code: "data/no-samples",
      message: `No row has ${filter.minHistory} earlier interactions of its user.`,
      place: "data.filter.minHistory",
      remedy: "Lower it, or bring more interactions.",
    });
  }
  if (split.kind === "time") return splitByTime(samples, split.shares);
  if (split.kind === "leaveLastOut") return leaveLastOut(log, samples);
  if (split.kind === "randomByRow") return splitByRow(samples, split.shares, split.seed);
  if (split.kind === "given") return splitAsGiven(log, samples, split.validationShare);
  return splitByUser(log, samples, split.shares, split.seed);
}

function sampleRows(log: InteractionLog, minHistory: number): Uint32Array {
  const rows = new Uint32Array(log.size);
  let size = 0;
  for (let row = 0; row < log.size; row++) if (historyLength(log, row) >= minHistory) rows[size++] = row;
  return rows.slice(0, size);
}

/** floor(n * train), floor(n * validation), the rest, in time order. */
function splitByTime(samples: Uint32Array, shares: Shares): LogSplit {
  const [train, validation] = partSizes(samples.length, shares);
  return {
    train: samples.slice(0, train),
    validation: samples.slice(train, train + validation),
    test: samples.slice(train + validation),
  };
}

function partSizes(size: number, shares: Shares): [train: number, validation: number] {
  const total = shares[0] + shares[1] + shares[2];
  if (Math.abs(total - 1) > 1e-9 || shares.some((share) => !(share >= 0))) {
    throw new CorellaError({
      code: "data/bad-shares",
      message: `The shares ${shares.join(", ")} are not three shares of 1.`,
      place: "data.split.shares",
      remedy: "Write, for example, [0.8, 0.1, 0.1].",
    });
  }
  const part = (share: number): number => Math.floor(size * share + 1e-9); // 0.1 * 30 is 3.0000000000000004 or less
  return [part(shares[0]), part(shares[1])];
}

/** A user's last sample is for testing, the one before for validation; users with fewer than three only train. */
function leaveLastOut(log: InteractionLog, samples: Uint32Array): LogSplit {
  const count = new Uint32Array(log.users.ids.length);
  for (const row of samples) count[log.user[row]!]!++;
  const seen = new Uint32Array(count.length);
  return assign(samples, (row) => {
    const user = log.user[row]!;
    const after = count[user]! - ++seen[user]!;
    return count[user]! < 3 || after > 1 ? 0 : after === 1 ? 1 : 2;
  });
}

/** All samples of a user are in one part; the shares are of users. */
function splitByUser(log: InteractionLog, samples: Uint32Array, shares: Shares, seed: number): LogSplit {
  const users = Uint32Array.from(new Set(samples.map((row) => log.user[row]!)));
  shuffle(users, createGenerator(seed, "split"));
  const [train, validation] = partSizes(users.length, shares);
  const part = new Uint8Array(log.users.ids.length);
  for (const [index, user] of users.entries()) {
    part[user] = index < train ? 0 : index < train + validation ? 1 : 2;
  }
  return assign(samples, (row) => part[log.user[row]!]!);
}

/** Every sample by itself; within a part they are in the log's order. */
function splitByRow(samples: Uint32Array, shares: Shares, seed: number): LogSplit {
  const order = samples.slice();
  shuffle(order, createGenerator(seed, "split"));
  const [train, validation] = partSizes(order.length, shares);
  return {
    train: order.slice(0, train).sort(),
    validation: order.slice(train, train + validation).sort(),
    test: order.slice(train + validation).sort(),
  };
}

/** The parts of the source. Where none is for validation, the latest training rows are or, without times, random ones. */
function splitAsGiven(log: InteractionLog, samples: Uint32Array, validationShare: number): LogSplit {
  const { part } = log;
  if (part === undefined) {
    throw new CorellaError({
      code: "data/no-part",
      message: "The log does not know to which part its rows belong.",
      place: "data.split.kind",
      remedy: "Name the column in source.ratings.columns.part, or the files in source.ratings.parts.",
    });
  }
  const given = assign(samples, (row) => part[row]!);
  if (given.validation.length > 0) return given;
  const shares: Shares = [1 - validationShare, validationShare, 0];
  const { train, validation } =
    log.report.times === "none" ? splitByRow(given.train, shares, 1) : latest(given.train, validationShare);
  return { train, validation, test: given.test };
}

function latest(rows: Uint32Array, share: number): Pick<LogSplit, "train" | "validation"> {
  const kept = rows.length - Math.floor(rows.length * share + 1e-9);
  return { train: rows.slice(0, kept), validation: rows.slice(kept) };
}

function assign(samples: Uint32Array, partOf: (row: number) => number): LogSplit {
  const parts: [number[], number[], number[]] = [[], [], []];
  for (const row of samples) parts[partOf(row) as 0 | 1 | 2].push(row);
  return {
    train: Uint32Array.from(parts[0]),
    validation: Uint32Array.from(parts[1]),
    test: Uint32Array.from(parts[2]),
  };
}
