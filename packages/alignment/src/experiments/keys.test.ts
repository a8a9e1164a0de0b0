import { mkdtempSync, writeFileSync } from "node:fs";
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
