import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { CorellaError } from "@corella/errors";
import { hashFile } from "@corella/files";
import { downloadFile } from "@huggingface/hub";
import { sizeOf, writeThroughPartial } from "./partial-file.ts";

/** A repository of the hub, and how it is reached. */
export interface HubConnection {
  readonly name: string;
  readonly hubUrl: string;
  readonly accessToken?: string;
  readonly fetch: typeof fetch;
}

/** A file that the hub lists. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** Known of large files, which the hub names by it. */
  readonly sha256?: string | undefined;
}

/** How much of one file has arrived. */
export interface HubProgress {
  readonly file: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
}

/**
 * Brings one file into a folder: on from the end of what an earlier attempt left, under its name when it is whole. Several
 * processes may do so at once.
 * @throws CorellaError `llm/hub-damaged`; what the network threw
 */
export async function fetchFile(
  connection: HubConnection,
  revision: string,
  file: HubFile,
  folder: string,
  onProgress: ((progress: HubProgress) => void) | undefined,
): Promise<void> {
  const target = join(folder, file.path);
  if ((await sizeOf(target)) === file.size) return;
  await writeThroughPartial(target, async (partial) => {
    const left = (await sizeOf(partial)) ?? 0;
    let received = left <= file.size ? left : 0;
    if (received < file.size) {
      const blob = await downloadFile({ ...connection, repo: connection.name, path: file.path, revision });
      if (blob === null) throw damaged(file, connection, "is listed by the hub but not there");
      const report = (): void =>
        onProgress?.({ file: file.path, receivedBytes: received, totalBytes: file.size });
      report();
      const counted = new Transform({
        transform(chunk: Uint8Array, _, done) {
          received += chunk.length;
          report();
          done(null, chunk);
        },
      });
      const rest = blob.slice(received).stream() as ReadableStream<Uint8Array>;
      await pipeline(
        Readable.fromWeb(rest),
        counted,
        createWriteStream(partial, { flags: received > 0 ? "a" : "w" }),
      );
    }
    const size = (await sizeOf(partial)) ?? 0;
    const isWhole =
      size === file.size && (file.sha256 === undefined || (await hashFile(partial)).sha256 === file.sha256);
    if (isWhole) return;
    await rm(partial, { force: true });
    throw damaged(file, connection, "arrived with other contents than the hub names");
  });
}

function damaged(file: HubFile, { name, hubUrl }: HubConnection, what: string): CorellaError {
  return new CorellaError({
    code: "llm/hub-damaged",
    message: `The file ${file.path} ${what}.`,
    place: `hf:${name} at ${hubUrl}`,
    remedy: "Try again; if it happens again, the hub or a proxy on the way is at fault.",
  });
}
