import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Runtime } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { loadPretrained } from "@corella/llm";
import { compareChat } from "./llm-chat.ts";
import { compareAdapter, compareAlignment, compareBase, compareMerged } from "./llm-decoder.ts";
import { compareBert, compareT5 } from "./llm-encoders.ts";
import { compareGguf, compareSmolLm2 } from "./llm-gguf.ts";
import { readGolden, type DecoderCase } from "./llm-golden.ts";
import { compareTokenizers } from "./llm-tokenizers.ts";
import type { Comparison } from "./comparison.ts";

/**
 * Compares every language-model case of a folder in the layout of shared/goldens/llm. What we cannot compute is there
 * too, with an infinite difference and the reason as its group.
 */
export async function compareLlm(folder: string, runtimes: readonly Runtime[]): Promise<Comparison[]> {
  const results: Comparison[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const model = join(folder, name, "model");
    if (!existsSync(join(model, "config.json"))) continue;
    for (const runtime of runtimes) {
      const label = runtimes.length === 1 ? name : `${name} (${runtime.name})`;
      results.push(...(await orUnsupported(label, () => compareCase(folder, name, label, runtime))));
    }
  }
  for (const runtime of runtimes) {
    // The real model takes minutes in plain JavaScript.
    const real = runtime.name === "tfjs-cpu" ? [] : await compareSmolLm2(folder, runtime);
    results.push(...(await compareGguf(folder, runtime)), ...real);
  }
  results.push(...(await compareTokenizers(folder)));
  return results;
}

async function compareCase(
  folder: string,
  name: string,
  label: string,
  runtime: Runtime,
): Promise<Comparison[]> {
  const path = join(folder, name);
  const { model_type: kind } = JSON.parse(await readFile(join(path, "model", "config.json"), "utf8")) as {
    model_type: string;
  };
  if (kind === "bert") return compareBert(label, path, runtime);
  if (kind === "t5") return compareT5(label, path, runtime);
  const model = await loadPretrained(join(path, "model"));
  const golden = await readGolden(path);
  const subject: DecoderCase = { label, model, golden, runtime };
  const results = [...(await compareBase(subject)), ...(await compareChat(label, path, model.tokenizer))];
  for (const adapter of (await readdir(path)).sort()) {
    const adapterPath = join(path, adapter);
    if (!existsSync(join(adapterPath, "adapter_config.json"))) continue;
    results.push(
      ...(await compareAdapter(subject, adapterPath)),
      ...(await compareMerged(subject, adapterPath)),
    );
  }
  if (existsSync(join(path, "align"))) results.push(...(await compareAlignment(subject, path)));
  return results;
}

async function orUnsupported(label: string, compare: () => Promise<Comparison[]>): Promise<Comparison[]> {
  try {
    return await compare();
  } catch (error) {
    if (!CorellaError.isInstance(error) || error.code !== "llm/config") throw error;
    return [
      {
        case: label,
        group: `unsupported: ${error.message}`,
        difference: Number.POSITIVE_INFINITY,
        tolerance: 0,
      },
    ];
  }
}
