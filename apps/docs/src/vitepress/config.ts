import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type UserConfig } from "vitepress";

// This file is copied beside the pages, and the sidebar with it: see write-pages.ts.
const sidebar: unknown = JSON.parse(readFileSync(join(import.meta.dirname, "sidebar.json"), "utf8"));

/** Headings are called as on GitHub, so that a link holds at both places. */
function slugify(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}

const config: UserConfig = defineConfig({
  title: "corella",
  description: "Click-through and rating predictions from a fast model and a language model at once",
  lang: "en",
  metaChunk: true,
  head: [["link", { rel: "icon", href: "data:," }]],
  // Nothing of another server: no fonts, no counters; search is in the pages.
  vite: { build: { chunkSizeWarningLimit: 4000 }, logLevel: "warn" },
  markdown: {
    // `{…}` behind code is text here, not attributes.
    attrs: { disable: true },
    anchor: { slugify },
    toc: { slugify },
    headers: { slugify },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    codeTransformers: [
      {
        name: "line-anchors",
        line(node, line) {
          const { __raw: words = "" } = (this.options.meta ?? {}) as { readonly __raw?: string };
          if (words.includes("source")) node.properties["id"] = `L${line}`;
        },
        pre(node) {
          // A block that scrolls is reached by keyboard.
          node.properties["tabindex"] = "0";
        },
      },
    ],
    config: (md) => {
      md.renderer.rules["table_open"] = () => '<table tabindex="0">\n';
      // Braces are text, not Vue's.
      md.renderer.rules["code_inline"] = (tokens, index) =>
        `<code v-pre>${md.utils.escapeHtml(tokens[index]!.content)}</code>`;
      md.renderer.rules["text"] = (tokens, index) =>
        md.utils.escapeHtml(tokens[index]!.content).replaceAll("{{", "&#123;&#123;");
    },
  },
  themeConfig: {
    nav: [
      { text: "Ten minutes", link: "/tutorials/ten-minutes" },
      { text: "Configuration", link: "/configuration" },
      { text: "Errors", link: "/errors" },
      { text: "API", link: "/api/" },
    ],
    sidebar: sidebar as [],
    outline: 2,
    search: { provider: "local" },
    docFooter: { prev: "Before", next: "Next" },
  },
});

export default config;
