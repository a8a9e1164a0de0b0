import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    include: ["{packages,apps,tooling}/*/src/**/*.test.ts"],
    testTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", "./tooling/checks/src/summary-reporter.ts"],
  },
});

export default config;
