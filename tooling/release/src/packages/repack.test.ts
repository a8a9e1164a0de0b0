import { expect, test } from "vitest";
import { nextManifest } from "./repack.ts";

const release = {
  commit: "0123456",
  changesets: 1,
  packages: ["@corella/crm", "@corella/engine"].map((name) => ({
    name,
    previous: "0.0.0",
    version: "0.1.0",
    changelog: "## 0.1.0",
  })),
};

test("the next manifest has the next version, of the package and of those that are released with it, and nothing else that is new", () => {
  const manifest = {
    name: "@corella/crm",
    version: "0.0.0",
    license: "MIT",
    dependencies: { "@corella/engine": "0.0.0", zod: "4.6.7" },
    devDependencies: { "@corella/engine": "0.0.0" },
  };
  expect(nextManifest(manifest, release)).toEqual({
    name: "@corella/crm",
    version: "0.1.0",
    license: "MIT",
    dependencies: { "@corella/engine": "0.1.0", zod: "4.6.7" },
    devDependencies: { "@corella/engine": "0.1.0" },
  });
});
