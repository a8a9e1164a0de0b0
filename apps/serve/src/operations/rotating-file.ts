import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** How lines are written. */
export interface RotatingFileOptions {
  /** A file that has grown to this is renamed, `.1` behind its name, and another begun. */
  readonly maxBytes: number;
  /** Renamed files that are kept. Default 4. */
  readonly keep?: number | undefined;
  /** Lines are written together, after this time at the latest. Default 1000. */
  readonly everyMs?: number | undefined;
  /** Lines that wait beyond this are lost: a disk that is slow must not fill the memory. Default 16 MB. */
  readonly maxWaitingBytes?: number | undefined;
  /** Hears why lines were lost, once for each time that it begins. */
  readonly onLost: (error: unknown) => void;
}

/** A file that is written behind the caller's back. */
export interface RotatingFile {
  write(line: string): void;
  /** Lines that could not be written. */
  readonly lost: number;
  /** Writes what waits. */
  close(): Promise<void>;
}

/**
 * Opens a file for lines, after those that it has.
 * @throws what the file system says, when the file cannot be opened
 */
export async function openRotatingFile(path: string, options: RotatingFileOptions): Promise<RotatingFile> {
  const { maxBytes, keep = 4, everyMs = 1000, maxWaitingBytes = 16e6, onLost } = options;
  let file: FileHandle = await open(path, "a");
  let size = (await stat(path)).size;
  let waiting: string[] = [];
  let waitingBytes = 0;
  let lost = 0;
  let isLosing = false;
  let writing: Promise<void> | undefined;
  const wake = new AbortController();

  const lose = (lines: number, error: unknown): void => {
    lost += lines;
    if (!isLosing) onLost(error);
    isLosing = true;
  };
  const rotate = async (): Promise<void> => {
    await file.close();
    for (let i = keep - 1; i >= 1; i--) await rename(`${path}.${i}`, `${path}.${i + 1}`).catch(() => {}); // the first times there are fewer
    await rename(path, `${path}.1`);
    file = await open(path, "a");
    size = 0;
  };
  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const lines = waiting;
      const bytes = waitingBytes;
      [waiting, waitingBytes] = [[], 0];
      try {
        if (size > 0 && size + bytes > maxBytes) await rotate();
        await file.appendFile(lines.join(""));
        size += bytes;
        isLosing = false;
      } catch (error) {
        lose(lines.length, error);
        // Renamed or removed by others, or closed by a rotation that failed.
        const reopened = await open(path, "a").catch(() => undefined);
        if (reopened !== undefined) {
          await file.close().catch(() => {});
          file = reopened;
        }
      }
    }
  };
  const writeSoon = (): void => {
    writing ??= sleep(everyMs, undefined, { signal: wake.signal, ref: false })
      .catch(() => {}) // closed before its time
      .then(writeAll)
      .finally(() => {
        writing = undefined;
      });
  };
  return {
    write(line) {
      const text = `${line}\n`;
      const bytes = Buffer.byteLength(text);
      if (waitingBytes + bytes > maxWaitingBytes)
        return lose(1, new Error("The disk does not keep up with what is shown."));
      waiting.push(text);
      waitingBytes += bytes;
      writeSoon();
    },
    get lost() {
      return lost;
    },
    async close() {
      wake.abort();
      await writing;
      await writeAll();
      await file.close();
    },
  };
}
