import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { hashFile } from "@corella/files";
import { z } from "zod";
import { damaged, parseJson, writeJson } from "./folder-files.ts";

const bundleFormat = 1;

/** The manifest's file in a bundle's folder. */
export const manifestFile = "manifest.json";

const manifestSchema = z.strictObject({
  format: z.literal(bundleFormat),
  recipe: z.string().optional(),
  files: z.record(
    z.string(),
    z.strictObject({ bytes: z.int().nonnegative(), sha256: z.string().length(64) }),
  ),
});

/** What a bundle consists of. */
export interface Manifest {
  /** Name of the recipe that made the bundle, for information. */
  readonly recipe?: string | undefined;
  /** Size and hash by path inside the bundle, with `/` between folders. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** Lists every file of a folder with its size and SHA-256, into manifest.json. */
export async function writeManifest(folder: string, recipe?: string): Promise<void> {
  const files: Record<string, Manifest["files"][string]> = {};
  for (const path of await filesOf(folder)) {
    files[path] = await hashFile(join(folder, path));
  }
  // Without a recipe JSON leaves the key out.
  await writeJson(folder, manifestFile, { format: bundleFormat, recipe, files });
}

/**
 * Reads the manifest of a bundle.
 * @throws CorellaError `bundle/missing`, `bundle/format`, `bundle/damaged` when it is no JSON
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, manifestFile);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new CorellaError({
      code: "bundle/missing",
      message: "There is no bundle here.",
      place: folder,
      remedy: "Train one, or name the folder of another.",
      cause,
    });
  });
  const manifest = manifestSchema.safeParse(parseJson(text, path));
  if (manifest.success) return manifest.data;
  throw new CorellaError({
    code: "bundle/format",
    message: "The bundle's manifest is not of a format that this version reads.",
    place: path,
    remedy: "Use the version of corella that made the bundle, or train it again.",
  });
}

/**
 * Checks that a folder is as its manifest says: every file there, of the size and with the SHA-256.
 * @throws CorellaError `bundle/damaged` with the file and the reason
 */
export async function verifyFiles(folder: string, { files }: Manifest): Promise<void> {
  for (const [file, expected] of Object.entries(files)) {
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
    if ((await hashFile(join(folder, file))).sha256 !== expected.sha256)
      throw damaged(join(folder, file), "A file of the bundle was changed: its SHA-256 differs.");
  }
}

async function filesOf(folder: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesOf(folder, path)));
    else if (path !== manifestFile) found.push(path);
  }
  return found.sort();
}
