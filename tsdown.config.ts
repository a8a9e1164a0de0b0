import { existsSync, readFileSync } from "node:fs";
import { defineConfig, type UserConfig } from "tsdown";

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly source: string }>>;
}

/** `dist/index.js` from what `.` exports, `dist/gguf.js` from what `./gguf` exports, and a worker thread's first file. */
function entries(): Record<string, string> {
  const found: Record<string, string> = {};
  const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  for (const [subpath, target] of Object.entries(exports)) {
    if (typeof target === "object") found[subpath === "." ? "index" : subpath.slice(2)] = target.source;
  }
  if (existsSync("src/worker.ts")) found["worker"] = "src/worker.ts";
  return found;
}

// One build for every package: `tsdown --config ../../tsdown.config.ts` from the package's folder.
const config: UserConfig = defineConfig({
  cwd: process.cwd(),
  entry: entries(),
  format: "esm",
  platform: "node",
  fixedExtension: false,
  dts: true,
  sourcemap: "hidden",
  publint: true,
  attw: { profile: "esm-only" },
});

export default config;
