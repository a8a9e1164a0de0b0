import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type ContextColumn, contextBytes, contextFrom } from "../context.ts";
import { createLog, type EntityTable, type InteractionLog, type LoadReport } from "../log.ts";
import { type FileSeal, fileSealSchema, readSealed, syncFolder, writeSealed } from "./column-files.ts";

interface Manifest {
  version: 2;
  history: InteractionLog["history"];
  likedThreshold: number;
  report: LoadReport;
  files: Record<string, FileSeal>;
}

const manifestSchema: z.ZodType<Manifest> = z.strictObject({
  version: z.literal(2),
  history: z.strictObject({ maxLength: z.int().positive(), ties: z.enum(["exclude", "order"]) }),
  likedThreshold: z.number(),
  report: z.strictObject({
    rowsRead: z.int(),
    skipped: z.array(
      z.strictObject({ table: z.string(), reason: z.string(), count: z.int(), firstPlace: z.string() }),
    ),
    duplicates: z.int(),
    removedByKCore: z.int(),
    times: z.enum(["clock", "order", "none"]),
    attributes: z.array(
      z.strictObject({
        table: z.enum(["items", "users"]),
        name: z.string(),
        type: z.enum(["text", "number", "list"]),
        filled: z.int(),
        read: z.int(),
      }),
    ),
    warnings: z.array(z.strictObject({ message: z.string(), remedy: z.string() })),
  }),
  files: z.record(z.string(), fileSealSchema),
});

/** Writes a log as one file a column, the manifest last. */
export async function writeFolder(folder: string, log: InteractionLog): Promise<void> {
  const files: Record<string, FileSeal> = {};
  for (const name of ["user", "item", "rating", "time", "label"] as const) {
    const { buffer, byteOffset, byteLength } = log[name];
    files[name] = await writeSealed(folder, name, new Uint8Array(buffer, byteOffset, byteLength));
  }
  if (log.part !== undefined) files.part = await writeSealed(folder, "part", log.part);
  for (const name of ["users", "items"] as const) {
    files[name] = await writeSealed(folder, name, tableBytes(log[name]));
  }
  for (const [index, column] of (log.context ?? []).entries()) {
    const { buffer, byteOffset, byteLength } = column.codes;
    files[`context-${index}`] = await writeSealed(
      folder,
      `context-${index}`,
      new Uint8Array(buffer, byteOffset, byteLength),
    );
    files[`context-${index}-values`] = await writeSealed(
      folder,
      `context-${index}-values`,
      contextBytes(column),
    );
  }
  const { history, likedThreshold, report } = log;
  const manifest: Manifest = { version: 2, history, likedThreshold, report, files };
  const sealed = { manifest, hash: hashOf(manifest) };
  await writeSealed(folder, "manifest.json", Buffer.from(JSON.stringify(sealed, undefined, 1)));
  await syncFolder(folder);
}

/** The log of a folder; undefined when it is not there, damaged or of another version. */
export async function readFolder(folder: string): Promise<InteractionLog | undefined> {
  const text = await readFile(join(folder, "manifest.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const manifest = parseManifest(text);
  if (manifest === undefined) return undefined;
  const read = async (name: string): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    const sealed = manifest.files[name];
    return sealed === undefined ? undefined : readSealed(folder, name, sealed);
  };
  const [user, item, rating, time, label] = [
    await read("user"),
    await read("item"),
    await read("rating"),
    await read("time"),
    await read("label"),
  ];
  const [users, items] = [await read("users"), await read("items")];
  const part = manifest.files.part === undefined ? undefined : await read("part");
  if (manifest.files.part !== undefined && part === undefined) return undefined;
  if (!user || !item || !rating || !time || !label || !users || !items) return undefined;
  const context: ContextColumn[] = [];
  for (let index = 0; manifest.files[`context-${index}`] !== undefined; index++) {
    const [codes, values] = [await read(`context-${index}`), await read(`context-${index}-values`)];
    if (!codes || !values) return undefined;
    context.push(contextFrom(values, new Int32Array(codes.buffer)));
  }
  const { history, likedThreshold, report } = manifest;
  return createLog({
    ...(context.length > 0 && { context }),
    user: new Int32Array(user.buffer),
    item: new Int32Array(item.buffer),
    rating: new Float32Array(rating.buffer),
    time: new Float64Array(time.buffer),
    label,
    ...(part !== undefined && { part }),
    users: tableFrom(users),
    items: tableFrom(items),
    history,
    likedThreshold,
    report,
  });
}

function parseManifest(text: string): Manifest | undefined {
  try {
    const { manifest, hash } = JSON.parse(text) as { manifest?: unknown; hash?: unknown };
    return hash === hashOf(manifest) ? manifestSchema.safeParse(manifest).data : undefined;
  } catch {
    return undefined;
  }
}

/** What is told of a log is text that may be damaged and still be JSON. */
function hashOf(manifest: unknown): string {
  return createHash("sha256").update(JSON.stringify(manifest)).digest("hex");
}

/** JSON lines: the number of active codes, then [id, attributes] by code. Lines, since one text could be too long. */
export function tableBytes({ activeCount, ids, attributes }: EntityTable): Uint8Array {
  const parts = [Buffer.from(`${activeCount}\n`)];
  for (let code = 0; code < ids.length; code += 10_000) {
    const lines = ids
      .slice(code, code + 10_000)
      .map((id, index) => `${JSON.stringify([id, attributes[code + index]])}\n`);
    parts.push(Buffer.from(lines.join("")));
  }
  return Buffer.concat(parts);
}

function tableFrom(bytes: Uint8Array<ArrayBuffer>): EntityTable {
  const buffer = Buffer.from(bytes.buffer);
  let start = buffer.indexOf(10) + 1;
  const activeCount = Number(buffer.toString("utf8", 0, start - 1));
  const ids: string[] = [];
  const attributes: EntityTable["attributes"][number][] = [];
  for (let end = buffer.indexOf(10, start); end >= 0; start = end + 1, end = buffer.indexOf(10, start)) {
    const [id, row] = JSON.parse(buffer.toString("utf8", start, end)) as [
      string,
      EntityTable["attributes"][number],
    ];
    ids.push(id);
    attributes.push(row);
  }
  return { ids, attributes, activeCount };
}
