import { defineConfig, type ViteUserConfig } from "vitest/config";
import { trainingTests } from "./tooling/checks/src/training-tests.ts";
import { run, shared } from "./vitest.config.ts";

// For an answer in seconds: the fast tests of every package as one project, whose files share two processes, so that
// tfjs and onnxruntime are loaded twice and not for every package.
const config: ViteUserConfig = defineConfig({
  ...shared,
  test: {
    ...shared.test,
    ...run,
    isolate: false,
    include: ["{packages,apps,tooling}/*/src/**/*.test.ts"],
    exclude: Object.entries(trainingTests).flatMap(([name, files]) =>
      files.map((file) => `*/${name}/src/**/${file}`),
    ),
    // What is read and not imported: with --changed, a difference here runs all.
    forceRerunTriggers: ["**/package.json", "**/vitest*.config.ts", "**/goldens/**", "configs/**", "data/**"],
  },
});

export default config;
