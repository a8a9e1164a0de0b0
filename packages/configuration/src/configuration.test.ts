import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import {
  defaultKind,
  mergeUnder,
  parseStrict,
  readYaml,
  requireKept,
  withSetting,
  withSettings,
} from "./index.ts";

async function yaml(text: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), "corella-yaml-")), "c.yaml");
  await writeFile(path, text);
  return path;
}

test("settings change what was read, in order; their values are YAML", async () => {
  const path = await yaml("a: { b: 1 }\nlist: [{ x: 1 }, { x: 2 }]\n");
  expect(
    await readYaml(path, ["a.b=2.5e-3", "a.c=[1, two]", "list.1.x=yes it is", "new.deep.key=true", "a.b=7"]),
  ).toEqual({
    a: { b: 7, c: [1, "two"] },
    list: [{ x: 1 }, { x: "yes it is" }],
    new: { deep: { key: true } },
  });
});

test("a mistake is told with its place", async () => {
  await expect(readYaml("nowhere.yaml")).rejects.toMatchObject({
    code: "config/missing",
    place: "nowhere.yaml",
  });
  const path = await yaml("a: 1\nb: [1, 2\n");
  await expect(readYaml(path)).rejects.toMatchObject({
    code: "config/syntax",
    place: expect.stringMatching(/c\.yaml:\d+:\d+$/),
  });
  await expect(readYaml(await yaml("a: *nothing\n"))).rejects.toMatchObject({
    code: "config/syntax",
    message: expect.stringContaining("nothing"),
  });
  const good = await yaml("a: 1\nlist: [1]\n");
  await expect(readYaml(good, ["a"])).rejects.toMatchObject({ code: "config/set", place: "the setting a" });
  for (const setting of ["=3", "a.b=1", "list.1=2", "list.x=2"])
    await expect(readYaml(good, [setting]), setting).rejects.toMatchObject({ code: "config/set" });
});

test("a setting of which values that are tried leave nothing is refused, and no other", () => {
  requireKept(["a.b=1", "ab.c=2", "a={}"], ["a.c", "ab.cd"]);
  for (const path of ["a.b", "a"])
    expect(() => requireKept(["x=1", "a.b=1"], [path]), path).toThrow(
      expect.objectContaining({ code: "config/set", place: "the setting a.b" }),
    );
});

test("a setting leaves everything else and the original as they are", () => {
  const content = { a: { b: 1, c: [1, 2] } };
  const changed = withSetting(content, "a.c.0", 9);
  expect(changed).toEqual({ a: { b: 1, c: [9, 2] } });
  expect(content).toEqual({ a: { b: 1, c: [1, 2] } });
});

test("merging under: the content wins, leaf by leaf", () => {
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      fc.integer(),
      fc.array(fc.integer(), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom("a", "b", "c"), tie("node"), { maxKeys: 3 }),
    ),
  })).node;
  fc.assert(
    fc.property(tree, tree, (content, defaults) => {
      const merged = mergeUnder(content, defaults);
      expect(mergeUnder(merged, defaults)).toEqual(merged);
      expect(mergeUnder(content, content)).toEqual(content);
      expect(mergeUnder(merged, content)).toEqual(merged);
    }),
  );
  expect(mergeUnder({ a: { b: 1 }, list: [1] }, { a: { b: 2, c: 3 }, list: [1, 2], d: 4 })).toEqual({
    a: { b: 1, c: 3 },
    list: [1],
    d: 4,
  });
});

test("an unknown key is told with the nearest of its level, through lists and alternatives", () => {
  const schema = z.strictObject({
    list: z.array(z.union([z.strictObject({ kind: z.literal("one"), width: z.number() }), z.number()])),
  });
  expect(parseStrict(schema, { list: [3] }, "c.yaml")).toEqual({ list: [3] });
  expect(() => parseStrict(schema, { list: [{ kind: "one", width: 1, widht: 2 }] }, "c.yaml")).toThrowError(
    expect.objectContaining({
      code: "config/unknown-key",
      message: "There is no setting list.0.widht.",
      remedy: "Did you mean width?",
    }),
  );
  expect(() => parseStrict(schema, { list: [], frobnicate: 1 }, "c.yaml")).toThrowError(
    expect.objectContaining({ code: "config/unknown-key", remedy: "There are list." }),
  );
  expect(() => parseStrict(schema, { list: "x" }, "c.yaml")).toThrowError(
    expect.objectContaining({ code: "config/invalid", place: "c.yaml" }),
  );
});

const shape = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("circle"), radius: z.number(), color: z.string().optional() }),
  z.strictObject({
    kind: z.literal("box"),
    width: z.number(),
    height: z.number(),
    color: z.string().optional(),
  }),
]);
const shapes = z.strictObject({
  first: defaultKind(shape, "circle"),
  more: z.array(shape).optional(),
  limit: z
    .union([z.strictObject({ count: z.number() }), z.strictObject({ all: z.literal(true) })])
    .optional(),
});
const boxes = {
  first: { kind: "box", width: 1, height: 2, color: "red" },
  more: [{ kind: "box", width: 1, height: 2 }],
  limit: { count: 3 },
};

test("another kind drops what only the kind before had, wherever the setting of the kind stands", () => {
  const circle = { kind: "circle", radius: 3, color: "red" };
  for (const changes of [
    [
      ["first.kind", "circle"],
      ["first.radius", 3],
    ],
    [
      ["first.radius", 3],
      ["first.kind", "circle"],
    ],
  ] as const)
    expect(withSettings(boxes, changes, shapes)).toEqual({ ...boxes, first: circle });
  expect(withSettings({ first: { radius: 1 } }, [["first.kind", "box"]], shapes)).toEqual({
    first: { kind: "box" },
  });
  expect(withSettings(boxes, [["more.0.kind", "circle"]], shapes)).toMatchObject({
    more: [{ kind: "circle" }],
  });
  expect(withSettings(boxes, [["limit.all", true]], shapes)).toMatchObject({ limit: { all: true } });
  expect(boxes.first).toHaveProperty("width");
});

test("what nobody knows, what is said beside the kind, and the same kind drop nothing", () => {
  const misspelt = { first: { ...boxes.first, widht: 1 } };
  expect(withSettings(misspelt, [["first.kind", "circle"]], shapes)).toEqual({
    first: { kind: "circle", color: "red", widht: 1 },
  });
  const both = withSettings(
    boxes,
    [
      ["first.kind", "circle"],
      ["first.radius", 1],
      ["first.width", 3],
    ],
    shapes,
  );
  expect(() => parseStrict(shapes, both, "c.yaml")).toThrowError(
    expect.objectContaining({
      message: "There is no setting first.width.",
      remedy: "There are kind, radius, color.",
    }),
  );
  expect(withSettings(boxes, [["first.kind", "box"]], shapes)).toEqual(boxes);
  expect(withSettings(boxes, [["first.kind", "bax"]], shapes)).toMatchObject({
    first: { kind: "bax", width: 1 },
  });
});

test("defaults of another kind are not merged under", () => {
  const content = { first: { kind: "circle", radius: 2 }, limit: { all: true } };
  expect(mergeUnder(content, boxes, shapes)).toEqual({
    first: { kind: "circle", radius: 2, color: "red" },
    more: boxes.more,
    limit: { all: true },
  });
  expect(mergeUnder({ first: { width: 5 } }, boxes, shapes)).toMatchObject({
    first: { ...boxes.first, width: 5 },
  });
});

test("a kind that is left out is the default one", () => {
  expect(parseStrict(shapes, { first: { radius: 1 } }, "c.yaml")).toEqual({
    first: { kind: "circle", radius: 1 },
  });
  expect(() => parseStrict(shapes, { first: { kind: "cone" } }, "c.yaml")).toThrowError(
    expect.objectContaining({ code: "config/invalid", message: expect.stringContaining("first.kind") }),
  );
  expect(() => parseStrict(shapes, { first: 3 }, "c.yaml")).toThrowError(
    expect.objectContaining({ code: "config/invalid" }),
  );
});
