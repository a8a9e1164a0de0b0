import { join } from "node:path";
import { defineConfig, type UserConfig } from "vite";

const config: UserConfig = defineConfig({
  root: join(import.meta.dirname, "src"),
  // Relative, so that the page also works behind a proxy's prefix.
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: join(import.meta.dirname, "dist"),
    emptyOutDir: true,
    target: "es2022",
    // The Content-Security-Policy allows files of the server, and nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});

export default config;
