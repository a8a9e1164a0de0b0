import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { writeFolderAtomic } from "@corella/files";
import { indexFile } from "./files.ts";

/** What a build is made of, beside `src`. */
const furtherSources = ["vite.config.ts", "package.json"];
/** A build takes a second or two. */
const mostMs = 60_000;

/** Whether a console must be built: never, or its sources changed since. Where there are no sources, what is there is right. */
export async function needsBuild(consoleFolder: string): Promise<boolean> {
  const built = await modified(join(consoleFolder, "dist", indexFile));
  if (built === undefined) return true;
  const sources = await readdir(join(consoleFolder, "src"), { recursive: true }).catch(() => []);
  const paths = [...sources.map((name) => join("src", name)), ...furtherSources];
  const times = await Promise.all(paths.map((path) => modified(join(consoleFolder, path))));
  return times.some((time) => time !== undefined && time > built);
}

/**
 * Builds a console by Vite, in a process of its own, for the models need this one. `dist` appears whole or stays as it was.
 * @throws what went wrong, with what Vite printed
 */
export async function buildConsole(consoleFolder: string): Promise<void> {
  const resolve = createRequire(join(consoleFolder, "package.json"));
  const vite = join(resolve.resolve("vite/package.json"), "../bin/vite.js");
  await writeFolderAtomic(join(consoleFolder, "dist"), async (folder) => {
    await promisify(execFile)(process.execPath, [vite, "build", "--outDir", folder, "--logLevel", "warn"], {
      cwd: consoleFolder,
      timeout: mostMs,
      env: { ...process.env, NODE_ENV: "production" },
    });
  });
}

async function modified(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.mtimeMs;
}
