import { Xxh64 } from "./xxh64.ts";

/** A zstd file of one frame of stored blocks, with content size and check sum (RFC 8878, 3.1.1). */
export function zstdOf(bytes: Buffer): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt32LE(0xfd2fb528, 0);
  header[4] = 0xa4; // content size in 4 bytes, single segment, check sum
  header.writeUInt32LE(bytes.length, 5);
  const blocks: Buffer[] = [];
  const blockSize = 1000;
  for (let start = 0; start === 0 || start < bytes.length; start += blockSize) {
    const block = bytes.subarray(start, start + blockSize);
    const head = Buffer.alloc(3);
    head.writeUIntLE((block.length << 3) | (start + blockSize >= bytes.length ? 1 : 0), 0, 3);
    blocks.push(head, block);
  }
  const hash = new Xxh64();
  hash.update(bytes);
  const checkSum = Buffer.alloc(4);
  checkSum.writeUInt32LE(hash.digest()[1], 0);
  return Buffer.concat([header, ...blocks, checkSum]);
}
