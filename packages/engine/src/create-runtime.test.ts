import { tmpdir } from "node:os";
import { env, listSupportedBackends } from "onnxruntime-node";
import { CorellaError } from "@corella/errors";
import { describe, expect, test } from "vitest";
import { createRuntime, eagerRuntime, tf, type Program, type RuntimeConfig } from "./index.ts";

// Its own words about a library that is not there are not wanted: the error has them.
env.logLevel = "fatal";

const doubled: Program = {
  params: {},
  tables: {},
  inputs: { x: { shape: ["batch"], dtype: "float32" } },
  forward: (scope) => ({ outputs: { y: tf.mul(scope.input("x"), 2) } }),
};

async function double(config: RuntimeConfig): Promise<number[]> {
  const inference = await (await createRuntime(config)).infer(doubled, {});
  const { y } = await inference.run({ x: { shape: [2], data: Float32Array.of(1.5, -3) } });
  await inference.dispose();
  return [...y!.data];
}

describe("a runtime is chosen by a configuration", () => {
  test("that may be empty", async () => {
    expect((await createRuntime()).name).toBe("onnxruntime");
    expect((await createRuntime({ kind: "tfjs-cpu", threads: 1, spinning: false })).name).toBe("tfjs-cpu");
    expect(await double({})).toEqual([3, -6]);
    expect(await double({ kind: "tfjs-cpu" })).toEqual([3, -6]);
  });

  test("whose mistakes are named", async () => {
    const kind = "onnxrunime" as "onnxruntime";
    await expect(createRuntime({ kind })).rejects.toMatchObject({
      code: "engine/runtime",
      place: "kind",
      remedy: "Did you mean onnxruntime?",
    });
    await expect(createRuntime({ kind: "tfjs-cpu", executionProviders: ["cpu"] })).rejects.toMatchObject({
      code: "engine/runtime",
      place: "executionProviders",
      remedy: "Leave it out, or choose onnxruntime.",
    });
  });
});

describe("tfjs-node that is not there", () => {
  for (const kind of ["tfjs-node", "tfjs-node-gpu"] as const) {
    test(`${kind}: one error with a remedy`, async () => {
      await expect(createRuntime({ kind, installedIn: tmpdir() })).rejects.toMatchObject({
        code: "engine/tfjs-node",
        place: `@tensorflow/${kind}`,
        remedy: `npm install @tensorflow/${kind}@4.22.0, or choose the runtime onnxruntime.`,
      });
    });
  }

  test("nor is its backend", () => {
    expect(() => eagerRuntime("tensorflow")).toThrow(/No tfjs backend tensorflow is registered/);
  });
});

describe("execution providers", () => {
  test("an unknown one is an error, not the CPU in silence", async () => {
    await expect(double({ executionProviders: ["cudda", "cpu"] })).rejects.toMatchObject({
      code: "engine/execution-provider",
      message: "The execution provider cudda cannot be used: onnxruntime-node has none of that name here.",
      remedy: "Did you mean cuda?",
    });
  });

  // What else onnxruntime-node knows depends on the machine.
  for (const { name } of listSupportedBackends().filter((backend) => backend.name !== "cpu")) {
    test(`${name} computes, or says why it cannot`, async () => {
      const outcome = await double({ executionProviders: [name] }).catch((error: unknown) => error);
      if (Array.isArray(outcome)) return expect(outcome).toEqual([3, -6]);
      expect(CorellaError.isInstance(outcome)).toBe(true);
      expect(outcome).toMatchObject({
        code: "engine/execution-provider",
        message: expect.stringContaining(`The execution provider ${name} cannot be used: `) as string,
        remedy: expect.stringContaining("or choose cpu.") as string,
      });
    });
  }
});
