import { mkdtempSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { resultKey } from "./keys.ts";

test("files that a configuration names are part of its key, those beside it are not, whatever its separators", async () => {
  const baseFolder = mkdtempSync(join(tmpdir(), "corella-keys-"));
  const keyWith = (prompt: object, llm: object = {}): Promise<string> => {
    const content = { data: { preset: "movietweetings" }, prompt, llm };
    return resultKey({ config: parseRunConfig(content, "c.yaml"), dataKey: "data", baseFolder });
  };
  const dot = await keyWith({ separator: "." });
  const folder = await keyWith({}, { base: { kind: "pretrained", folder: "." } });
  writeFileSync(join(baseFolder, "run.log"), "one more file");
  expect(await keyWith({ separator: "." })).toBe(dot);
  expect(await keyWith({}, { base: { kind: "pretrained", folder: "." } })).not.toBe(folder);
  expect(await keyWith({ separator: "/" })).not.toBe(dot);
});

test("a model is known by what its files hold, not by when they were written or where", async () => {
  const keyOf = (folder: string): Promise<string> => {
    const content = { data: { preset: "movietweetings" }, llm: { base: { kind: "pretrained", folder } } };
    return resultKey({ config: parseRunConfig(content, "c.yaml"), dataKey: "data", baseFolder: "." });
  };
  const [first, copy] = ["first", "copy"].map((name) => mkdtempSync(join(tmpdir(), `corella-${name}-`))) as [
    string,
    string,
  ];
  for (const folder of [first, copy]) writeFileSync(join(folder, "model.safetensors"), "weights");
  utimesSync(join(copy, "model.safetensors"), 0, 0);
  const key = await keyOf(first);
  expect(await keyOf(copy)).toBe(key);
  utimesSync(join(first, "model.safetensors"), 1, 1);
  expect(await keyOf(first)).toBe(key);
  writeFileSync(join(first, "model.safetensors"), "Weights");
  expect(await keyOf(first)).not.toBe(key);
});
