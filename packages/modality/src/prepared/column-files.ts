import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

/** A file of a prepared folder: what the manifest knows to find damage. */
export interface FileSeal {
  bytes: number;
  sha256: string;
}

/** Checks a seal that was read from a manifest. */
export const fileSealSchema: z.ZodType<FileSeal> = z.strictObject({
  bytes: z.int().nonnegative(),
  sha256: z.string(),
});

const blockBytes = 1 << 24;

/** Writes a new file and fsyncs it; the seal tells later whether it is damaged. */
export async function writeSealed(folder: string, name: string, data: Uint8Array): Promise<FileSeal> {
  const file = await open(join(folder, name), "wx");
  try {
    const hash = createHash("sha256");
    for (let at = 0; at < data.length; at += blockBytes) {
      const block = data.subarray(at, at + blockBytes);
      hash.update(block);
      for (let written = 0; written < block.length;) {
        written += (await file.write(block, written)).bytesWritten;
      }
    }
    await file.sync();
    return { bytes: data.length, sha256: hash.digest("hex") };
  } finally {
    await file.close();
  }
}

/**
 * Reads a file of known size and hash; undefined when it is missing or damaged.
 * @param memory to read into, at least as long as the file: fresh memory costs more than reading
 */
export async function readSealed(
  folder: string,
  name: string,
  seal: FileSeal,
  memory: Uint8Array<ArrayBuffer> = new Uint8Array(seal.bytes),
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const path = join(folder, name);
  const status = await stat(path).catch(() => undefined);
  if (status?.size !== seal.bytes) return undefined;
  const data = memory.subarray(0, seal.bytes);
  const file = await open(path);
  try {
    for (let at = 0; at < data.length;) {
      const { bytesRead } = await file.read(data, at, Math.min(blockBytes, data.length - at));
      if (bytesRead === 0) return undefined;
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
  return createHash("sha256").update(data).digest("hex") === seal.sha256 ? data : undefined;
}

/** Makes the names in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
