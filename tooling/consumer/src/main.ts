import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publishablePackages, type Publishable } from "./publishable.ts";

/**
 * `pnpm consumer`: packs every publishable package, installs the tarballs with npm into a project outside of the
 * workspace, typechecks there consumer.ts, an import of every entry point and the first example of each README, and
 * runs the first two with plain Node. Needs `pnpm build` before.
 */
const root = join(import.meta.dirname, "../../..");
const consumerSource = join(import.meta.dirname, "consumer.ts");

class ConsumerFailure extends Error {}

/** Runs a command to its end and gives what it printed to stdout; on failure all that it printed is shown. */
function execute(folder: string, command: readonly string[]): string {
  const [program, ...rest] = command;
  const { status, stdout, stderr, error } = spawnSync(program!, rest, {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 26,
    // As a consumer has it: no loaders or conditions, and no download of CUDA files.
    env: { ...process.env, NODE_OPTIONS: "", ONNXRUNTIME_NODE_INSTALL: "skip", npm_config_loglevel: "error" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error !== undefined || status !== 0) {
    const reason = error?.message ?? `exit ${status}`;
    throw new ConsumerFailure(`${command.join(" ")} failed (${reason})\n${stdout}${stderr}`);
  }
  return stdout;
}

/** Prints how long a part took. */
function timed<Result>(what: string, part: () => Result): Result {
  const started = performance.now();
  const result = part();
  process.stdout.write(`consumer: ${what} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
  return result;
}

/** The tarball of each package, by name, as npm wants it in a package.json. */
function pack(packages: readonly Publishable[], folder: string): Record<string, string> {
  const command = [
    "npx",
    "--yes",
    "pnpm@12",
    "--filter",
    "./packages/*",
    "pack",
    "--pack-destination",
    folder,
  ];
  execute(root, command);
  const tarballs: Record<string, string> = {};
  for (const { name, tarball, files } of packages) {
    if (!existsSync(join(folder, tarball))) throw new ConsumerFailure(`pnpm pack made no ${tarball}`);
    const listed = execute(folder, ["tar", "-tzf", tarball]);
    const contents = listed.split("\n").map((file) => file.replace(/^package\//, ""));
    for (const file of files) {
      if (!contents.includes(file))
        throw new ConsumerFailure(`the tarball of ${name} lacks ${file}; run \`pnpm build\` first`);
    }
    const foreign = contents.filter((file) => /\.test\.|^src\//.test(file));
    if (foreign.length > 0) throw new ConsumerFailure(`the tarball of ${name} holds ${foreign.join(", ")}`);
    tarballs[name] = `file:${join(folder, tarball)}`;
  }
  return tarballs;
}

/** A file that imports every entry point of every package and prints how much it exports. */
function writeEntryPoints(project: string, packages: readonly Publishable[]): string {
  const names = packages.flatMap(({ entryPoints }) => entryPoints);
  const lines = names.flatMap((name, index) => [
    `import * as entry${index} from "${name}";`,
    `console.log("${name}: " + Object.keys(entry${index}).length + " exports");`,
  ]);
  writeFileSync(join(project, "entry-points.ts"), lines.join("\n"));
  return "entry-points.ts";
}

/** The first example of each package's README as a file of its own. */
function writeExamples(project: string, packages: readonly Publishable[]): string[] {
  return packages.map(({ name }) => {
    const folder = name.replace("@corella/", "");
    const readme = readFileSync(join(root, "packages", folder, "README.md"), "utf8");
    const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
    if (code === undefined) throw new ConsumerFailure(`the README of ${name} has no example`);
    writeFileSync(join(project, `${folder}.example.ts`), code);
    return `${folder}.example.ts`;
  });
}

function writeProject(
  project: string,
  tarballs: Readonly<Record<string, string>>,
  generated: readonly string[],
): void {
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  const manifest = {
    name: "corella-consumer",
    private: true,
    type: "module",
    dependencies: tarballs,
    devDependencies: {
      "@types/node": devDependencies["@types/node"],
      typescript: devDependencies["typescript"],
    },
    // The packages depend on each other by version, and these versions are in no registry.
    overrides: Object.fromEntries(Object.keys(tarballs).map((name) => [name, `$${name}`])),
  };
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    types: ["node"],
    // Also the declarations of the packages; those of others are left out of the result.
    skipLibCheck: false,
    outDir: "out",
  };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest, null, 2));
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["consumer.ts", ...generated] }),
  );
  copyFileSync(consumerSource, join(project, "consumer.ts"));
}

/** Errors of consumer.ts and of the packages' declarations; third parties' declarations are not ours to mend. */
function typecheck(project: string): void {
  const { stdout, stderr } = spawnSync("node", ["node_modules/typescript/bin/tsc", "--pretty", "false"], {
    cwd: project,
    encoding: "utf8",
  });
  const ours = `${stdout}${stderr}`
    .split("\n")
    .filter(
      (line) => line.includes("error ") && (!line.includes("node_modules/") || line.includes("/@corella/")),
    );
  if (ours.length > 0) throw new ConsumerFailure(`typecheck failed\n${ours.join("\n")}`);
  if (!existsSync(join(project, "out/consumer.js")))
    throw new ConsumerFailure(`tsc wrote nothing\n${stderr}`);
}

const folder = mkdtempSync(join(tmpdir(), "corella-consumer-"));
try {
  const packages = publishablePackages(root);
  const project = join(folder, "project");
  const packed = join(folder, "packed");
  mkdirSync(project);
  mkdirSync(packed);
  const tarballs = timed(`pack ${packages.length} packages`, () => pack(packages, packed));
  const generated = [writeEntryPoints(project, packages), ...writeExamples(project, packages)];
  writeProject(project, tarballs, generated);
  timed("install the tarballs with npm", () =>
    execute(project, ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"]),
  );
  timed("typecheck with nodenext and strict", () => typecheck(project));
  for (const file of ["entry-points", "consumer"]) {
    process.stdout.write(
      timed(`run ${file} with plain node`, () => execute(project, ["node", `out/${file}.js`])),
    );
  }
  rmSync(folder, { recursive: true });
} catch (error) {
  if (!(error instanceof ConsumerFailure)) throw error;
  process.stderr.write(`consumer: ${error.message}\nconsumer: the project is left in ${folder}\n`);
  process.exitCode = 1;
}
