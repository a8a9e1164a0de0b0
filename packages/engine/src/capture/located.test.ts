import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { onnxRuntime, tf, type Program } from "../index.ts";

/** A program whose forward function stands in a file of its own, as a user's does: the expression is line 4. */
async function programOf(expression: string): Promise<{ program: Program; file: string }> {
  const file = join(mkdtempSync(join(tmpdir(), "corella-located-")), "user-program.mjs");
  writeFileSync(
    file,
    `export const forwardWith = (tf) => (scope) => {\n  const x = scope.input("x");\n  const y =\n  ${expression};\n  return { loss: tf.sum(y), outputs: { y } };\n};\n`,
  );
  const { forwardWith } = (await import(pathToFileURL(file).href)) as {
    forwardWith: (library: typeof tf) => Program["forward"];
  };
  const program: Program = {
    params: {},
    tables: {},
    inputs: { x: { shape: ["batch", 4, 4, 1], dtype: "float32" } },
    forward: forwardWith(tf),
  };
  return { program, file };
}

async function failure(program: Program): Promise<unknown> {
  return onnxRuntime()
    .infer(program, {})
    .catch((error: unknown) => error);
}

test("an operation without a mapping is named, and where it was called", async () => {
  const { program, file } = await programOf("tf.image.resizeBilinear(x, [2, 2])");
  expect(await failure(program)).toMatchObject({
    code: "engine/capture",
    message: "The operation ResizeBilinear cannot be captured.",
    place: `${file}:4:12`,
  });
});

test("also one that nobody knows, however deep in tfjs", async () => {
  const { program, file } = await programOf(
    'tf.tidy(() => tf.tidy(() => tf.customGrad((z) => ({ value: tf.engine().runKernel("Nonsense", { z }) }))(x)))',
  );
  const error = await failure(program);
  expect(error).toMatchObject({ message: "The operation Nonsense cannot be captured." });
  expect((error as { place: string }).place).toMatch(new RegExp(`^${file}:4:\\d+$`));
});

test("a program that reads numbers", async () => {
  const reading = await programOf("tf.scalar(x.dataSync()[0])");
  const error = await failure(reading.program);
  expect(error).toMatchObject({ code: "engine/capture", place: `${reading.file}:4:15` });
});

test("errors that are not about capturing stay as they are, and so does the depth of stacks", async () => {
  const before = Error.stackTraceLimit;
  const { program } = await programOf('tf.reshape(x, [7, "no"])');
  expect(await failure(program)).not.toMatchObject({ code: "engine/capture" });
  expect(Error.stackTraceLimit).toBe(before);
});
