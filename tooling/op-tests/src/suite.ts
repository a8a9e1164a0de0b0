import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { exclusionOf } from "./exclusions.ts";

export interface Result {
  /** Relative to tfjs-core's `dist`, without `_test.js`: `ops/conv2d`. */
  readonly file: string;
  /** Names of the suites and of the test. */
  readonly name: string;
  /** `excluded`: not run, for the reason in `message`; `failed`: with the first message. */
  readonly outcome: "passed" | "failed" | "excluded";
  readonly message: string;
}

interface Spec {
  readonly id: string;
  getFullName(): string;
}

interface SpecResult {
  readonly id: string;
  readonly fullName: string;
  readonly status: "passed" | "failed" | "pending" | "excluded";
  readonly failedExpectations: readonly { readonly message: string }[];
}

interface Environment {
  configure(settings: { random: boolean; specFilter: (spec: Spec) => boolean }): void;
  addReporter(reporter: { specDone(result: SpecResult): void }): void;
  execute(): Promise<unknown>;
}

const require = createRequire(import.meta.url);
const dist = join(dirname(require.resolve("@tensorflow/tfjs-core/package.json")), "dist");

/** tfjs-core ships its tests compiled, as modules without their ending: tsx reads them. */
function load(path: string): unknown {
  return require(join(dist, path));
}

function testFiles(): string[] {
  return readdirSync(dist, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("_test.js"))
    .map((path) => path.slice(0, -"_test.js".length))
    .toSorted();
}

/**
 * Runs tests of tfjs-core on a registered backend, as the backends of tfjs do: one environment for all suites.
 * Jasmine's globals stay, so one process runs one suite.
 * @param wanted by `<file> <names>`
 */
export async function runSuite(backend: string, wanted: RegExp): Promise<Result[]> {
  const environment = (require("jasmine-core") as { boot(): { getEnv(): Environment } }).boot().getEnv();
  const origins = new Map<string, { file: string; body: string }>();
  let file = "";
  const globals = globalThis as unknown as { it: (name: string, body?: () => unknown) => Spec };
  const { it } = globals;
  globals.it = (name, body) => {
    const spec = it(name, body);
    origins.set(spec.id, { file, body: String(body) });
    return spec;
  };
  const util = load("jasmine_util.js") as { setTestEnvs(environments: readonly object[]): void };
  util.setTestEnvs([{ name: backend, backendName: backend, isDataSync: true }]);
  load("public/chained_ops/register_all_chained_ops.js");
  for (file of testFiles()) load(`${file}_test.js`);

  const results: Result[] = [];
  const nameOf = (fullName: string): string => fullName.replaceAll(` ${backend} {}`, "");
  environment.configure({
    random: false,
    specFilter(spec) {
      const origin = origins.get(spec.id);
      // tfjs itself leaves a few out (`xit`).
      if (origin === undefined) return false;
      const name = nameOf(spec.getFullName());
      if (!wanted.test(`${origin.file} ${name}`)) return false;
      const reason = exclusionOf({ ...origin, name });
      if (reason === undefined) return true;
      results.push({ file: origin.file, name, outcome: "excluded", message: reason });
      return false;
    },
  });
  environment.addReporter({
    specDone({ id, fullName, status, failedExpectations }) {
      if (status !== "passed" && status !== "failed") return;
      const message = failedExpectations[0]?.message ?? "";
      results.push({ file: origins.get(id)!.file, name: nameOf(fullName), outcome: status, message });
    },
  });
  await environment.execute();
  return results;
}
