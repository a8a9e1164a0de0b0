import { CorellaError } from "@corella/errors";
import { type Readable, Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import yauzl, { type Entry, type ZipFile } from "yauzl";

/** Unpacks one member of a zip, by its exact name; names such as `../x` are never used as paths on the disk. */
export async function extractMember(
  path: string,
  member: string,
  output: Writable,
  place: string,
): Promise<void> {
  const names: string[] = [];
  try {
    const zip = await openZip(path);
    try {
      const entry = await findEntry(zip, member, names);
      if (entry !== undefined) {
        await pipeline(await openEntry(zip, entry), crcCheck(entry), output);
        return;
      }
    } finally {
      zip.close();
    }
  } catch (cause) {
    throw new CorellaError({
      code: "data/broken-archive",
      message: `${path} cannot be unpacked: ${cause instanceof Error ? cause.message : String(cause)}.`,
      place: `${path}!${member}`,
      remedy: "Download it again.",
      cause,
    });
  } finally {
    output.destroy();
  }
  throw new CorellaError({
    code: "data/missing-member",
    message: `${path} holds no ${member}.`,
    place,
    remedy: `It holds: ${names.slice(0, 12).join(", ") || "nothing"}.`,
  });
}

function openZip(path: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, autoClose: false }, (error, zip) =>
      error ? reject(error) : resolve(zip),
    );
  });
}

function findEntry(zip: ZipFile, member: string, names: string[]): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    zip.on("error", reject);
    zip.on("end", () => resolve(undefined));
    zip.on("entry", (entry: Entry) => {
      names.push(entry.fileName);
      if (entry.fileName === member) resolve(entry);
      else zip.readEntry();
    });
    zip.readEntry();
  });
}

function openEntry(zip: ZipFile, entry: Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
}

/** yauzl checks sizes, not contents. */
function crcCheck(entry: Entry): Transform {
  let crc = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      crc = crc32(chunk, crc);
      done(null, chunk);
    },
    flush: (done) =>
      done(crc === entry.crc32 ? null : new Error(`the check sum of ${entry.fileName} is wrong`)),
  });
}
