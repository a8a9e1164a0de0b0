import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "@corella/files";
import { base64, bytesOf } from "./base64.ts";

/** Rows that one model scores. */
export interface Scoring {
  /** The model. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Of the log, in the order in which they are scored. */
  readonly rows: Uint32Array;
  /** Rows that are scored at once. */
  readonly chunkSize: number;
}

/** What a model has answered before its scoring was interrupted. */
export interface KeptScores {
  /** To the first rows of the scoring: whole chunks of it. */
  readonly answers: Float32Array;
  /** How long they took, in milliseconds. */
  readonly ms: number;
}

/** In base64, as results are. */
interface StoredScores {
  readonly answers: string;
  readonly ms: number;
}

/** The file of a scoring: it is named by its rows, so that one of others is not taken for it. */
function fileOf(folder: string, { title, name, rows, chunkSize }: Scoring): string {
  const { buffer, byteOffset, byteLength } = rows;
  const hash = createHash("sha256")
    .update(JSON.stringify([title, name, chunkSize]))
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex");
  return join(folder, `${hash.slice(0, 24)}.json`);
}

/** What is kept of a scoring; nothing where nothing is that can be read. */
export async function readScores(folder: string, scoring: Scoring): Promise<KeptScores> {
  try {
    const { answers, ms } = JSON.parse(await readFile(fileOf(folder, scoring), "utf8")) as StoredScores;
    return { answers: new Float32Array(bytesOf(answers)), ms };
  } catch {
    return { answers: new Float32Array(0), ms: 0 };
  }
}

/** Keeps what a model has answered so far, whole or not at all. */
export async function writeScores(
  folder: string,
  scoring: Scoring,
  { answers, ms }: KeptScores,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const stored: StoredScores = { answers: base64(answers), ms };
  await writeFileAtomic(fileOf(folder, scoring), `${JSON.stringify(stored)}\n`);
}
