import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { onnxRuntime } from "@corella/engine";
import { compareLlm } from "./llm.ts";

const folder = fileURLToPath(new URL("../../../../shared/goldens/llm", import.meta.url));
const present = existsSync(folder);
if (!present) console.warn(`skipped: ${folder} is not there`);

test.skipIf(!present)(
  "every decoder and tokenizer of shared/goldens/llm",
  async () => {
    const results = await compareLlm(folder, [onnxRuntime()]);
    const beyond = results.filter(({ difference, tolerance }) => !(difference <= tolerance));
    expect(beyond.filter(({ group }) => !group.startsWith("unsupported"))).toEqual([]);
    expect(results.length).toBeGreaterThan(100);
  },
  600_000,
);
