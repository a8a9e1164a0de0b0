import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exclusionOf } from "./exclusions.ts";
import { familyOf } from "./families.ts";
import type { Result } from "./suite.ts";
import { asMarkdown, summarize, type Summary } from "./summary.ts";

const root = join(import.meta.dirname, "../../..");

function opTests(...options: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = join(import.meta.dirname, "main.ts");
  return spawnSync(process.execPath, ["--conditions=source", "--import", "tsx", main, ...options], {
    cwd: root,
    encoding: "utf8",
  });
}

/** Files of every family; the whole suite is `pnpm op-tests`. */
const some =
  "^ops/(add|arg_max|batch_to_space_nd|batchnorm|bincount|clip_by_value|concat|conv1d|conv2d|cumprod|cumsum|" +
  "depthwise_conv2d|einsum|elu|equal|fused/fused_mat_mul|gather|gather_nd|local_response_normalization|" +
  "losses/huber_loss|mat_mul|max|max_pool|mean|mirror_pad|one_hot|scatter_nd|sign|softmax|sparse_to_dense|step|" +
  "strided_slice|sub|topk|transpose|unsorted_segment_sum|where) |^optimizers/adam_optimizer ";

test("tests of every family pass on the kernels of captured programs", () => {
  const file = join(mkdtempSync(join(tmpdir(), "corella-op-tests-")), "results.json");
  const { status, stdout, stderr } = opTests("--only", some, "--json", file);
  expect(stderr).toBe("");
  expect(status, stdout).toBe(0);
  const { shares, unexpected } = JSON.parse(readFileSync(file, "utf8")) as Summary;
  expect(unexpected).toEqual([]);
  expect(shares.length).toBe(11);
  expect(shares.at(-1)!.passed).toBeGreaterThan(850);
});

test("a pattern that finds nothing and a backend that nobody has are named", () => {
  expect(opTests("--only", "^ops/nonsense")).toMatchObject({ status: 2 });
  const { status, stderr } = opTests("--backend", "gpu");
  expect(status).toBe(2);
  expect(stderr).toContain("op-tests/backend");
});

const result = (file: string, name: string, outcome: Result["outcome"], message = ""): Result => ({
  file,
  name,
  outcome,
  message,
});

describe("the summary", () => {
  const results = [
    result("ops/add", "add a", "passed"),
    result("ops/add", "add b", "failed", "Arrays differ: actual[0] = 1"),
    result("ops/sub", "sub c", "failed", "Arrays differ: actual[3] = 2.5"),
    result("ops/exp", "exp int32", "failed", "Arrays differ"),
    result("ops/image/transform", "transform", "excluded", "images"),
  ];

  test("counts what was run by family, and separates known failures from new ones", () => {
    const { shares, known, unexpected, excluded } = summarize(results);
    expect(shares).toEqual([
      { family: "elementwise, unary", passed: 0, run: 1 },
      { family: "elementwise, binary, comparison, logical", passed: 1, run: 3 },
      { family: "total", passed: 1, run: 4 },
    ]);
    expect(known.map(({ name }) => name)).toEqual(["exp int32"]);
    expect(unexpected.map(({ name }) => name)).toEqual(["add b", "sub c"]);
    expect(excluded).toEqual([{ reason: "images", count: 1 }]);
  });

  test("groups failures whose messages differ in numbers", () => {
    const text = asMarkdown(summarize(results));
    expect(text).toMatch(/Arrays differ: actual\[#\] = # +\| ops\/add +\| 2 +\| add b/);
    expect(text).toContain("33.3 %");
  });
});

test("what is not run has a reason, and everything else a family", () => {
  const reasonOf = (file: string, name: string, body = ""): string | undefined =>
    exclusionOf({ file, name, body });
  expect(reasonOf("ops/add", "add A + B")).toBeUndefined();
  expect(reasonOf("io/http", "http load")).toContain("plumbing");
  expect(reasonOf("ops/tile", "tile 1d string tensor")).toContain("text");
  // A test that only expects an error for text is run.
  expect(reasonOf("ops/abs", "abs throws for string tensor")).toBeUndefined();
  expect(reasonOf("ops/add", "add complex", "tf.complex([1], [2])")).toContain("complex");
  expect(familyOf("ops/conv2d")).toBe("convolution (1-D, 2-D), pooling");
  expect(familyOf("optimizers/adam_optimizer")).toBe("optimizers");
  expect(familyOf("ops/dropout")).toBe("others");
});
