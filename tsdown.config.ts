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
  // `sideEffects: false` is true of a package as a whole, but not of its modules: the engine's kernels register
  // themselves when imported, and would be dropped from the build.
  treeshake: { moduleSideEffects: [{ test: /[\\/]src[\\/]/, sideEffects: true }] },
  publint: true,
  attw: { profile: "esm-only" },
});

export default config;
