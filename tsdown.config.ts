import { existsSync } from "node:fs";
import { defineConfig, type UserConfig } from "tsdown";

// One build for every package: `tsdown --config ../../tsdown.config.ts` from the package's folder.
// A package that runs code in a worker thread has a second entry, `src/worker.ts`.
const config: UserConfig = defineConfig({
  cwd: process.cwd(),
  entry: existsSync("src/worker.ts") ? ["src/index.ts", "src/worker.ts"] : ["src/index.ts"],
  format: "esm",
  platform: "node",
  fixedExtension: false,
  dts: true,
  sourcemap: "hidden",
  publint: true,
  attw: { profile: "esm-only" },
});

export default config;
