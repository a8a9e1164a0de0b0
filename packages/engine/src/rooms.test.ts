import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

/** The rooms of docs/layout-engine.md: each imports from those before it only. */
const order = [
  "program",
  "optimizer",
  "matrix",
  "runtime",
  "trace",
  "capture/backend",
  "capture/operations",
  "capture",
  "precision",
  "training",
  "onnx",
  "eager",
  "",
];

const root = import.meta.dirname;

/** Rooms that a file imports from, types included. */
function roomsImportedBy(file: string): string[] {
  const imports = readFileSync(join(root, file), "utf8").matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g);
  return Array.from(imports, ([, path]) => relative(root, dirname(join(root, dirname(file), path!))));
}

test("rooms import in one direction", () => {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !/\.test(-helper)?\.ts$/.test(path));
  const folders = new Set(files.map((file) => dirname(file).replace(/^\.$/, "")));
  expect([...folders].toSorted()).toEqual(order.toSorted());
  const backwards = files.flatMap((file) =>
    roomsImportedBy(file)
      .filter((room) => order.indexOf(room) > order.indexOf(dirname(file).replace(/^\.$/, "")))
      .map((room) => `${file} imports from ${room}`),
  );
  expect(backwards).toEqual([]);
});
