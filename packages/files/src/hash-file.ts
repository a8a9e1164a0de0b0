import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/**
 * The size of a file and the SHA-256 of its contents, in hexadecimal digits. Read in parts: neither a buffer nor one call of the
 * hash takes more than 2 GiB.
 * @throws the error of the system when there is no such file, or it may not be read
 */
export async function hashFile(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const part of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    hash.update(part);
    bytes += part.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}
