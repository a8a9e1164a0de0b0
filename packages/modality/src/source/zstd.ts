import { Decompress } from "fzstd";
import { Xxh64 } from "./xxh64.ts";

/** A frame that is being read: what its header says, and what came out of it so far. */
interface Frame {
  decompressor: Decompress;
  contentSize: number | undefined;
  checkSum: Xxh64 | undefined;
  size: number;
  output: Uint8Array[];
}

/**
 * Decompresses zstd (RFC 8878), frame by frame: each must end where it says, and its check sum and content size, where it
 * has them, must be right. Decoders that stop at the end of the input take a cut file for a whole one.
 * @throws Error saying what is wrong
 */
export async function* decompressZstd(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  let buffered = Buffer.alloc(0);
  let frame: Frame | undefined;
  let blockLeft = 0; // bytes of the current block that are still to come
  let last = false; // whether it is the frame's last
  let skip = 0; // bytes of a skippable frame that are still to come
  for await (const piece of bytes) {
    buffered = buffered.length === 0 ? Buffer.from(piece) : Buffer.concat([buffered, piece]);
    let at = 0;
    for (;;) {
      if (skip > 0) {
        const taken = Math.min(skip, buffered.length - at);
        skip -= taken;
        at += taken;
        if (skip > 0) break;
      } else if (frame === undefined) {
        const head = readHeader(buffered.subarray(at));
        if (head === undefined) break;
        if (head.skip > 0) skip = head.skip;
        else {
          frame = startFrame(head);
          push(frame, buffered.subarray(at, at + head.length), false);
          at += head.length;
        }
      } else if (blockLeft > 0) {
        const taken = Math.min(blockLeft, buffered.length - at);
        blockLeft -= taken;
        push(frame, buffered.subarray(at, at + taken), blockLeft === 0 && last);
        at += taken;
        yield* frame.output.splice(0) as Buffer[];
        if (blockLeft > 0) break;
        if (last && frame.checkSum === undefined) frame = endFrame(frame);
      } else if (last) {
        if (buffered.length - at < 4) break;
        frame = endFrame(frame, buffered.readUInt32LE(at));
        at += 4;
      } else {
        if (buffered.length - at < 3) break;
        const header = buffered.readUIntLE(at, 3);
        last = (header & 1) === 1;
        const kind = (header >> 1) & 3;
        if (kind === 3) throw new Error("a block is of no known kind");
        blockLeft = kind === 1 ? 1 : header >> 3;
        push(frame, buffered.subarray(at, at + 3), last && blockLeft === 0);
        at += 3;
        yield* frame.output.splice(0) as Buffer[];
        if (last && blockLeft === 0 && frame.checkSum === undefined) frame = endFrame(frame);
      }
      if (frame === undefined) last = false;
    }
    buffered = buffered.subarray(at);
  }
  if (frame !== undefined || skip > 0 || buffered.length > 0) throw new Error("unexpected end of file");
}

interface Header {
  length: number;
  skip: number;
  hasCheckSum: boolean;
  contentSize: number | undefined;
}

/** The header of a frame; undefined while some of it is still to come. */
function readHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < 5) return undefined;
  const magic = bytes.readUInt32LE(0);
  if (magic >>> 4 === 0x184d2a5) {
    if (bytes.length < 8) return undefined;
    return { length: 8, skip: 8 + bytes.readUInt32LE(4), hasCheckSum: false, contentSize: undefined };
  }
  if (magic !== 0xfd2fb528) throw new Error("something else follows a frame");
  const descriptor = bytes[4]!;
  const single = (descriptor >> 5) & 1;
  const dictionarySize = [0, 1, 2, 4][descriptor & 3]!;
  if (dictionarySize > 0) throw new Error("it needs a dictionary");
  const sizeBytes = [single, 2, 4, 8][descriptor >> 6]!;
  const sizeAt = 6 - single;
  const length = sizeAt + sizeBytes;
  if (bytes.length < length) return undefined;
  let contentSize: number | undefined;
  if (sizeBytes === 1) contentSize = bytes[sizeAt]!;
  else if (sizeBytes === 2) contentSize = bytes.readUInt16LE(sizeAt) + 256;
  else if (sizeBytes === 4) contentSize = bytes.readUInt32LE(sizeAt);
  else if (sizeBytes === 8) contentSize = Number(bytes.readBigUInt64LE(sizeAt));
  return { length, skip: 0, hasCheckSum: (descriptor & 4) !== 0, contentSize };
}

function startFrame({ hasCheckSum, contentSize }: Header): Frame {
  const frame: Frame = {
    decompressor: new Decompress((data) => {
      if (data.length === 0) return;
      frame.output.push(Buffer.from(data)); // a copy: the decoder moves its window on
      frame.size += data.length;
      frame.checkSum?.update(data);
    }),
    contentSize,
    checkSum: hasCheckSum ? new Xxh64() : undefined,
    size: 0,
    output: [],
  };
  return frame;
}

/** Hands bytes to the decoder; `isEnd` with the last byte before the check sum, in whose place it gets zeros. */
function push({ decompressor, checkSum }: Frame, bytes: Buffer, isEnd: boolean): void {
  decompressor.push(bytes, isEnd && checkSum === undefined);
  if (isEnd && checkSum !== undefined) decompressor.push(Buffer.alloc(4), true);
}

function endFrame({ size, contentSize, checkSum }: Frame, expected?: number): undefined {
  if (contentSize !== undefined && contentSize !== size) {
    throw new Error(`a frame holds ${size} bytes in place of ${contentSize}`);
  }
  if (checkSum !== undefined && checkSum.digest()[1] !== expected) throw new Error("a check sum is wrong");
}
