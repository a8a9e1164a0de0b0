import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { Application, ReflectionKind, type TypeDocOptions } from "typedoc";
import { entryPoints } from "./entry-points.ts";

/**
 * Writes the API reference of every published package as Markdown, a page for each door (`@corella/llm`,
 * `@corella/llm/gguf`), from the docstrings in the sources.
 * @param folder where the pages go; what is there is replaced
 * @param packages the folders of those packages; undefined: all
 */
export async function writeApiPages(
  repository: string,
  folder: string,
  packages?: readonly string[],
): Promise<void> {
  const doors = (await entryPoints(repository)).filter(
    ({ source }) => packages?.includes(source.split("/")[1]!) ?? true,
  );
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const tsconfig = join(folder, "tsconfig.json");
  await writeFile(
    tsconfig,
    JSON.stringify({
      extends: relative(folder, join(repository, "tooling/tsconfig/base.json")),
      // The default is a folder above this one, where there are none.
      compilerOptions: { typeRoots: [join(repository, "node_modules/@types")] },
      files: doors.map(({ source }) => join(repository, source)),
    }),
  );
  const app = await Application.bootstrapWithPlugins({
    ...options,
    tsconfig,
    basePath: repository,
    entryPoints: doors.map(({ source }) => join(repository, source)),
    outputs: [{ name: "markdown", path: folder }],
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc could not read the packages.");
  // TypeDoc names modules by their files, readers by what they import.
  for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
    const door = doors.find(({ source }) =>
      [`${module.name}.ts`, `${module.name}/index.ts`].includes(source),
    );
    if (door !== undefined) module.name = door.door;
  }
  await app.generateOutputs(project);
  await rm(tsconfig);
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith(".md")) continue;
    const text = await readFile(join(folder, file), "utf8");
    await writeFile(join(folder, file), withOwnAnchors(text));
  }
}

/** Links such as `#state-1` that count a row of a table as a heading of that name lead to the only heading. */
function withOwnAnchors(text: string): string {
  const count = (name: string): number =>
    [...text.matchAll(/^#+ (.*)$/gm)].filter(([, heading]) => heading!.toLowerCase().startsWith(name)).length;
  return text.replaceAll(/\]\(#(\w+)-1\)/g, (link, name: string) =>
    count(name) === 1 ? `](#${name})` : link,
  );
}

const options: TypeDocOptions = {
  plugin: ["typedoc-plugin-markdown"],
  name: "API reference",
  readme: "none",
  // `pnpm typecheck` does that.
  skipErrorChecking: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  disableGit: true,
  sort: ["kind", "alphabetical"],
  logLevel: "Error",
  cleanOutputDir: false,
  groupOrder: ["Functions", "Classes", "Variables", "Interfaces", "Type Aliases"],
  // Of typedoc-plugin-markdown.
  ...({
    router: "module",
    entryFileName: "index",
    hidePageHeader: true,
    hideBreadcrumbs: true,
    hidePageTitle: false,
    sanitizeComments: true,
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    classPropertiesFormat: "table",
    typeAliasPropertiesFormat: "table",
    typeDeclarationFormat: "table",
    tableColumnSettings: {
      hideDefaults: true,
      hideInherited: true,
      hideModifiers: true,
      hideOverrides: true,
      hideSources: true,
    },
  } as object),
};
