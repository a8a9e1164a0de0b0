import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
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

const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts") && !/\.test(-helper)?\.ts$/.test(path));

test("rooms import in one direction", () => {
  const folders = new Set(files.map((file) => dirname(file).replace(/^\.$/, "")));
  expect([...folders].toSorted()).toEqual(order.toSorted());
  const backwards = files.flatMap((file) =>
    roomsImportedBy(file)
      .filter((room) => order.indexOf(room) > order.indexOf(dirname(file).replace(/^\.$/, "")))
      .map((room) => `${file} imports from ${room}`),
  );
  expect(backwards).toEqual([]);
});

test("the layout page names every room and file", () => {
  const page = readFileSync(join(root, "../../../docs/layout-engine.md"), "utf8");
  const named = [...order.filter((room) => room !== ""), "goldens"].map((room) => `\`${room}/\``);
  expect(named.filter((room) => !page.includes(room))).toEqual([]);
  // Under the heading of its room, or of the room around it.
  const missing = files.filter((file) => {
    const [room] = file.split("/");
    const section = file.includes("/")
      ? page.slice(page.indexOf(`## \`${room}/\``)).split("\n## ")[0]!
      : page;
    return !section.includes(`\`${basename(file)}\``);
  });
  expect(missing).toEqual([]);
});
