import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { writeFileAtomic } from "@corella/files";
import { z } from "zod";

export const bundleFormat = 1;
const manifestName = "manifest.json";

const manifestSchema = z.strictObject({
  format: z.literal(bundleFormat),
  /** By path inside the bundle. */
  files: z.record(
    z.string(),
    z.strictObject({ bytes: z.int().nonnegative(), sha256: z.string().length(64) }),
  ),
});

/** Lists every file of a folder with its size and SHA-256, into manifest.json. */
export async function writeManifest(folder: string): Promise<void> {
  const files: z.output<typeof manifestSchema>["files"] = {};
  for (const path of await filesOf(folder)) {
    files[path] = { bytes: (await stat(join(folder, path))).size, sha256: await sha256(join(folder, path)) };
  }
  const text = `${JSON.stringify({ format: bundleFormat, files }, undefined, 2)}\n`;
  await writeFileAtomic(join(folder, manifestName), text);
}

/**
 * Checks that a folder is a whole bundle.
 * @throws CorellaError `bundle/missing`, `bundle/format`, `bundle/damaged` with the file and the reason
 */
export async function verifyManifest(folder: string): Promise<void> {
  const path = join(folder, manifestName);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new CorellaError({
      code: "bundle/missing",
      message: "There is no bundle here.",
      place: folder,
      remedy: "Make one with `pnpm train`, or name another with --bundle.",
      cause,
    });
  });
  const manifest = manifestSchema.safeParse(parseJson(text, path));
  if (!manifest.success) {
    throw new CorellaError({
      code: "bundle/format",
      message: "The bundle's manifest is not of a format that this version reads.",
      place: path,
      remedy: "Use the version of corella that made the bundle, or train it again.",
    });
  }
  for (const [file, expected] of Object.entries(manifest.data.files)) {
    const size = await stat(join(folder, file)).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === undefined) throw damaged(join(folder, file), "A file of the bundle is missing.");
    if (size !== expected.bytes)
      throw damaged(
        join(folder, file),
        `A file of the bundle has ${size} bytes instead of ${expected.bytes}.`,
      );
    if ((await sha256(join(folder, file))) !== expected.sha256)
      throw damaged(join(folder, file), "A file of the bundle was changed: its SHA-256 differs.");
  }
}

/** Reads a JSON file of a bundle. */
export async function readJson<T>(folder: string, file: string, schema: z.ZodType<T>): Promise<T> {
  const path = join(folder, file);
  const parsed = schema.safeParse(parseJson(await readFile(path, "utf8"), path));
  if (!parsed.success)
    throw damaged(path, `A file of the bundle is not as it should be: ${parsed.error.issues[0]!.message}.`);
  return parsed.data;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(path, "A file of the bundle is not valid JSON.");
  }
}

function damaged(place: string, message: string): CorellaError {
  return new CorellaError({
    code: "bundle/damaged",
    message,
    place,
    remedy: "Restore the bundle from a copy, or train it again.",
  });
}

async function filesOf(folder: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesOf(folder, path)));
    else if (path !== manifestName) found.push(path);
  }
  return found.sort();
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
