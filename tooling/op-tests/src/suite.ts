import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { readdirSync } from "node:fs";

const require = createRequire(import.meta.url);
const root = dirname(require.resolve("@tensorflow/tfjs-core/package.json"));

/** One test of tfjs-core. */
export interface Result {
  /** Relative to tfjs-core's `dist`, without `_test.js`: `ops/conv2d`. */
  readonly file: string;
  readonly name: string;
  readonly passed: boolean;
  /** Of the first expectation that does not hold. */
  readonly message: string;
}

interface Spec {
  readonly id: string;
}

interface SpecResult {
  readonly id: string;
  readonly fullName: string;
  readonly status: string;
  readonly failedExpectations: readonly { readonly message: string; readonly stack?: string }[];
}

interface Environment {
  configure(settings: object): void;
  addReporter(reporter: { specDone(result: SpecResult): void }): void;
  execute(): Promise<unknown>;
}

type Describe = (name: string, body: () => void) => unknown;

/** The test files of tfjs-core, which its package ships compiled. */
export function testFiles(): string[] {
  return readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("_test.js"))
    .map((path) => path.slice(0, -"_test.js".length))
    .sort();
}

/** Runs tests of tfjs-core on one backend, as tfjs' own backends do: one environment, jasmine's globals, no order. */
export async function runSuite(
  backendName: string,
  files: readonly string[],
  wanted: (file: string, name: string) => boolean,
): Promise<Result[]> {
  const jasmine = (require("jasmine-core") as { boot(): { getEnv(): Environment } }).boot();
  const environment = jasmine.getEnv();
  const globals = globalThis as unknown as { it: (...test: unknown[]) => Spec; describe: Describe };
  const fileOf = new Map<string, string>();
  let current = "";
  const it = globals.it;
  globals.it = (...test) => {
    const spec = it(...test);
    fileOf.set(spec.id, current);
    return spec;
  };
  const load = (path: string): unknown => require(join(root, "dist", path));
  const util = load("jasmine_util.js") as { setTestEnvs(environments: readonly object[]): void };
  util.setTestEnvs([{ name: backendName, backendName, isDataSync: true }]);
  load("public/chained_ops/register_all_chained_ops.js");
  for (const file of files) {
    current = file;
    load(`${file}_test.js`);
  }
  const results: Result[] = [];
  environment.configure({
    random: false,
    specFilter: (spec: { id: string; getFullName(): string }) =>
      wanted(fileOf.get(spec.id) ?? "", spec.getFullName()),
  });
  environment.addReporter({
    specDone({ id, fullName, status, failedExpectations }) {
      if (status === "excluded" || status === "pending") return;
      const message = (failedExpectations[0]?.message ?? "") + (process.env.STACK ? failedExpectations[0]?.stack : "");
      results.push({ file: fileOf.get(id) ?? "", name: fullName, passed: status === "passed", message });
    },
  });
  await environment.execute();
  return results;
}

export const distFolder: string = relative(process.cwd(), join(root, "dist"));
