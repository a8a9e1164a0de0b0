import { defineConfig, type ViteUserConfig } from "vitest/config";

// One configuration for every package. The `source` condition resolves @corella/* to src/index.ts: tests need no build.
const config: ViteUserConfig = defineConfig({
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    include: ["{packages,apps,tooling}/*/src/**/*.test.ts"],
    watch: false,
    // A process for each file: native sessions and the tfjs engine are state of a process.
    pool: "forks",
    maxWorkers: 2,
    // Tests train real models; on a machine shared with others they may take several times as long.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    reporters: ["default", "./tooling/checks/src/summary-reporter.ts"],
  },
});

export default config;
