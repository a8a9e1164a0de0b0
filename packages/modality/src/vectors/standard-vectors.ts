import { createHash } from "node:crypto";
import { CorellaError } from "@corella/errors";
import type { InteractionLog } from "../log.ts";
import type { ItemVectors } from "../prompt/similar.ts";

/**
 * The vectors of a log's items, with mean 0 over the training rows, and over rows and dimensions a common deviation of 1:
 * distances keep their proportions, whatever the scale of the model that they come from. Items that the vectors do not know
 * are left out.
 * @param name of the feature, for the error
 * @throws CorellaError `features/no-vectors` where no item of the training rows has one
 */
export function standardVectors(
  { items, values }: ItemVectors,
  log: InteractionLog,
  trainRows: ArrayLike<number>,
  name: string,
): ItemVectors {
  const dim = values.length / items.length;
  const positions = new Map(items.map((item, position) => [item, position]));
  const times = new Float64Array(log.items.ids.length);
  for (let i = 0; i < trainRows.length; i++) times[log.item[trainRows[i]!]!]! += 1;
  const known = log.items.ids.flatMap((id, code) => {
    const position = positions.get(id);
    return position === undefined ? [] : [{ id, weight: times[code]!, start: position * dim }];
  });
  const rows = known.reduce((sum, { weight }) => sum + weight, 0);
  if (rows === 0) {
    throw new CorellaError({
      code: "features/no-vectors",
      message: `No item of the training rows has a vector: the file knows "${items[0]}", the log "${log.items.ids[0] ?? ""}".`,
      place: `features.${name}.vectors`,
      remedy: "Give vectors of these items, by the ids that the ratings say.",
    });
  }
  const mean = new Float64Array(dim);
  for (const { weight, start } of known)
    for (let j = 0; j < dim; j++) mean[j]! += (weight / rows) * values[start + j]!;
  let variance = 0;
  for (const { weight, start } of known)
    for (let j = 0; j < dim; j++) variance += (weight / rows / dim) * (values[start + j]! - mean[j]!) ** 2;
  const deviation = variance > 0 ? Math.sqrt(variance) : 1;
  const standard = new Float32Array(known.length * dim);
  for (const [row, { start }] of known.entries())
    for (let j = 0; j < dim; j++) standard[row * dim + j] = (values[start + j]! - mean[j]!) / deviation;
  return { items: known.map(({ id }) => id), values: standard };
}

/** A name of vectors that follows from their contents: the same vectors have the same name wherever they lie. */
export function nameOfVectors({ items, values }: ItemVectors): string {
  const hash = createHash("sha256").update(JSON.stringify(items));
  const block = 2 ** 28; // a hash takes less than 2 GiB at once
  for (let at = 0; at < values.length; at += block) {
    const part = values.subarray(at, at + block);
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest("hex").slice(0, 16);
}
