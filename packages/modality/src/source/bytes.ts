import { CorellaError } from "@corella/errors";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { type Codec, codecOf, kindOf, signatureLength } from "./signatures.ts";
import { decompressZstd } from "./zstd.ts";

/** A file of text that will be read: where it lies, what messages call it, and how it is compressed. */
export interface TextFile {
  path: string;
  name: string;
}

/** The first bytes of a file. */
export async function readStart(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(signatureLength), 0, signatureLength, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/**
 * The bytes of a file, decompressed to its end: what it is compressed by is told by its first bytes, whatever its name.
 * @throws CorellaError `data/broken-archive` where it is cut, damaged or followed by something else, `data/not-text` for
 * files of other kinds, with their names
 */
export async function* readBytes(file: TextFile): AsyncGenerator<Buffer, void, undefined> {
  const codec = codecOf(await readStart(file.path));
  const expected = file.path.endsWith(".gz") ? "gzip" : file.path.endsWith(".zst") ? "zstd" : undefined;
  if (codec === undefined && expected !== undefined && !(await isEmpty(file.path))) {
    throw broken(file, expected, "it does not begin as one");
  }
  let isStart = true;
  try {
    for await (const chunk of decompress(file, codec)) {
      if (isStart) refuseOtherKinds(file, chunk, codec);
      isStart = false;
      yield chunk;
    }
  } catch (cause) {
    if (codec === undefined || CorellaError.isInstance(cause)) throw cause;
    throw broken(file, codec, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

async function isEmpty(path: string): Promise<boolean> {
  return (await stat(path)).size === 0;
}

function decompress({ path }: TextFile, codec: Codec | undefined): AsyncIterable<Buffer> {
  if (codec === "gzip") return decompressGzip(path);
  const bytes = createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>;
  return codec === "zstd" ? decompressZstd(bytes) : bytes;
}

/** Node checks length and CRC of each member, but ends in silence before bytes that are no member. */
async function* decompressGzip(path: string): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  file.on("error", (error) => gunzip.destroy(error));
  try {
    yield* file.pipe(gunzip) as AsyncIterable<Buffer>;
  } finally {
    file.destroy(); // also where nobody reads on
  }
  const read = gunzip.bytesWritten;
  for await (const rest of createReadStream(path, { start: read }) as AsyncIterable<Buffer>) {
    if (rest.some((byte) => byte !== 0)) throw new Error(`something else follows its first ${read} bytes`);
  }
}

function refuseOtherKinds({ name }: TextFile, start: Buffer, codec: Codec | undefined): void {
  const inner = codecOf(start);
  const kind =
    inner === undefined
      ? kindOf(start)
      : { name: `compressed twice, by ${codec} and ${inner}`, remedy: "Unpack it once." };
  if (kind === undefined) return;
  throw new CorellaError({
    code: "data/not-text",
    message: `${name} is ${codec === undefined || inner !== undefined ? kind.name : `${kind.name}, compressed by ${codec}`}.`,
    place: name,
    remedy: kind.remedy,
  });
}

function broken({ name }: TextFile, codec: Codec, what: string, cause?: unknown): CorellaError {
  return new CorellaError({
    code: "data/broken-archive",
    message: `${name} is not a whole ${codec} file: ${what}.`,
    place: name,
    remedy: "Download or compress it again.",
    cause,
  });
}
