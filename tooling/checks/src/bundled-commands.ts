// A `globalSetup` of vitest, for tests that start commands and processes of this workspace.
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

const root = join(import.meta.dirname, "../../..");

/**
 * Bundles the sources of all apps and worker threads, and names the folder in `CORELLA_BUNDLED_COMMANDS`, where `@corella/terminal/testing`
 * finds `train.js` and so on. A process then starts in a third of the time that it takes to transpile and load some hundred files.
 * @returns removes the folder
 */
export default async function bundleCommands(): Promise<(() => Promise<void>) | undefined> {
  // Each project of a run asks for it.
  if (process.env["CORELLA_BUNDLED_COMMANDS"] !== undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "corella-commands-"));
  process.env["CORELLA_BUNDLED_COMMANDS"] = folder;
  await build({
    entryPoints: entryPoints(),
    outdir: folder,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["source"],
    logLevel: "warning",
    plugins: [installedStayOutside, sourcesKnowTheirPlace(folder)],
  });
  return async () => {
    delete process.env["CORELLA_BUNDLED_COMMANDS"];
    await rm(folder, { recursive: true });
  };
}

/** `<app>` from each `src/main.ts`, `<package>/worker`, a worker thread's first file, from each `src/worker.ts`, what tune starts, and `parity`. */
function entryPoints(): Record<string, string> {
  const members = (group: string, file: string): [string, string][] =>
    readdirSync(join(root, group))
      .map((name): [string, string] => [name, join(root, group, name, file)])
      .filter(([, path]) => existsSync(path));
  return Object.fromEntries([
    ...members("apps", "src/main.ts"),
    ...members("packages", "src/worker.ts").map(([name, path]) => [`${name}/worker`, path]),
    ["trial-process", join(root, "apps/tune/src/trial-process.ts")],
    ["parity", join(root, "tooling/parity/src/main.ts")],
  ]);
}

/** What is installed is imported from where its importer finds it, which the bundle would not. */
const installedStayOutside: Plugin = {
  name: "installed stay outside",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, kind, importer, resolveDir }) => {
      if (kind === "entry-point" || pluginData === "asked" || path.startsWith("@corella/")) return undefined;
      if (path.startsWith("node:")) return { external: true };
      const found = await resolve(path, { kind, importer, resolveDir, pluginData: "asked" });
      return found.errors.length > 0 || found.external
        ? undefined
        : { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

/** `import.meta` is that of the source, beside which files are looked for; where a thread or process is started, one beside its bundle. */
function sourcesKnowTheirPlace(folder: string): Plugin {
  return {
    name: "sources know their place",
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        if (!source.includes("import.meta")) return undefined;
        const [group, name] = relative(root, path).split(/[\\/]/);
        const url =
          group === "packages" && source.includes("startWorker(import.meta.url")
            ? pathToFileURL(join(folder, name!, "index.js"))
            : pathToFileURL(path);
        const contents = source
          .replace(
            /new URL\("\.\/([\w-]+)\.ts", import\.meta\.url\)/g,
            (_, started: string) =>
              `new URL(${JSON.stringify(pathToFileURL(join(folder, `${started}.js`)).href)})`,
          )
          .replace(
            /new URL\("\.\.\/\.\.\/([\w-]+)\/src\/main\.ts", import\.meta\.url\)/g,
            (_, app: string) => `new URL(${JSON.stringify(pathToFileURL(join(folder, `${app}.js`)).href)})`,
          )
          .replaceAll("import.meta.url", JSON.stringify(url.href))
          .replaceAll("import.meta.dirname", JSON.stringify(dirname(fileURLToPath(url))));
        return { contents, loader: "ts" };
      });
    },
  };
}
