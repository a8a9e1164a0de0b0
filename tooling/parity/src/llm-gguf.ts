import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Batch, Program, Runtime } from "@corella/engine";
import { decoder, paddedFeeds } from "@corella/llm";
import { loadGguf, readGguf, type GgufModel } from "@corella/llm/gguf";
import { largestDifference, type Comparison } from "./comparison.ts";
import { readGolden, recordedFeeds, tolerances, type Golden } from "./llm-golden.ts";
import type { RecordedString } from "./llm-tokenizers.ts";

/** Logits of the recorded GGUF files, and the tokens that their vocabularies give. */
export async function compareGguf(folder: string, runtime: Runtime): Promise<Comparison[]> {
  const path = join(folder, "gguf");
  if (!existsSync(path)) return [];
  const golden = await readGolden(path);
  const recorded = JSON.parse(
    await readFile(join(folder, "tokenizers", "smollm.strings.json"), "utf8"),
  ) as RecordedString[];
  const feeds = recordedFeeds(golden, "right");
  const results: Comparison[] = [];
  for (const name of golden.names.filter((other) => other.endsWith(".logits_last"))) {
    const label = `gguf/${name.slice(0, -".logits_last".length)}`;
    const model = await loadGguf(join(folder, `${label}.gguf`));
    const logits = await lastLogits(model, feeds, runtime);
    const add = (group: string, difference: number, tolerance: number): void => {
      results.push({ case: label, group, difference, tolerance });
    };
    add("logits", largestDifference(logits, golden.floats(name)), tolerances.logits);
    const encoded = await model.tokenizer.encodeBatch(
      recorded.map(({ text }) => text),
      { addSpecialTokens: false, specialTokens: "parse" },
    );
    add("dequantised tensors", await differentTensors(join(folder, `${label}.gguf`), golden), 0);
    add("tokens", recorded.filter(({ ids }, i) => ids.join() !== encoded[i]!.join()).length, 0);
  }
  return results;
}

/** How many tensors are not bit for bit what gguf-py makes of them. */
async function differentTensors(path: string, golden: Golden): Promise<number> {
  const recorded = golden.facts.files[basename(path)]!.tensors;
  let same = 0;
  for await (const { name, type, shape, data } of readGguf(path)) {
    const sha256 = createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex");
    const expected = recorded.find((tensor) => tensor.name === name);
    if (expected?.sha256_f32 === sha256 && expected.type === type && expected.shape.join() === shape.join())
      same += 1;
  }
  return recorded.length - same;
}

interface RealModel {
  readonly file: string;
  readonly token_ids: Readonly<Record<string, number>>;
  readonly tokenizer: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly prompts: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly logits_f64: Readonly<Record<string, number>>;
    readonly prob_yes_space: number;
    readonly top10: { readonly ids: readonly number[]; readonly logits: readonly number[] };
  }[];
}

/** SmolLM2-135M-Instruct as people have it, from shared/models. */
export async function compareSmolLm2(folder: string, runtime: Runtime): Promise<Comparison[]> {
  const path = join(folder, "smollm2.json");
  if (!existsSync(path)) return [];
  const real = JSON.parse(await readFile(path, "utf8")) as RealModel;
  const label = "smollm2";
  const candidates = [
    join(folder, "../../models", real.file),
    join(import.meta.dirname, "../../../../shared/models", real.file),
  ];
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) {
    const group = `unsupported: ${real.file} is not in ${join(folder, "../../models")}`;
    return [{ case: label, group, difference: Number.POSITIVE_INFINITY, tolerance: 0 }];
  }
  const model = await loadGguf(file);
  const texts = [...real.tokenizer, ...real.prompts];
  const encoded = await model.tokenizer.encodeBatch(
    texts.map(({ text }) => text),
    { specialTokens: "parse" },
  );
  const wrong = texts.filter(({ ids }, i) => ids.join() !== encoded[i]!.join()).length;
  const logits = await lastLogits(model, paddedFeeds(real.prompts.map(({ ids }) => ids)), runtime);
  let logitDifference = 0;
  let probabilityDifference = 0;
  let otherTop = 0;
  real.prompts.forEach((prompt, row) => {
    const own = logits.subarray(row * model.config.vocabularySize, (row + 1) * model.config.vocabularySize);
    for (const [token, id] of Object.entries(real.token_ids))
      logitDifference = Math.max(logitDifference, Math.abs(own[id]! - prompt.logits_f64[token]!));
    const margin = own[real.token_ids[" Yes"]!]! - own[real.token_ids[" No"]!]!;
    const probability = 1 / (1 + Math.exp(-margin));
    probabilityDifference = Math.max(probabilityDifference, Math.abs(probability - prompt.prob_yes_space));
    const order = [...own.keys()].sort((a, b) => own[b]! - own[a]!).slice(0, 10);
    if (order.join() !== prompt.top10.ids.join()) otherTop += 1;
  });
  const group = (name: string, difference: number, tolerance: number): Comparison => ({
    case: label,
    group: name,
    difference,
    tolerance,
  });
  return [
    group("tokens", wrong, 0),
    group("logits", logitDifference, 2.6e-5),
    group("probability", probabilityDifference, 1e-5),
    group("top 10 tokens", otherTop, 0),
  ];
}

async function lastLogits(model: GgufModel, feeds: Batch, runtime: Runtime): Promise<Float32Array> {
  const part = decoder(model.config, { answers: { yes: 0, no: 1 } });
  const program: Program = {
    ...part,
    forward: (scope) => ({ outputs: { logits: part.forward(scope).logitsLast() } }),
  };
  const inference = await runtime.infer(program, model.values);
  const outputs = await inference.run(feeds);
  await inference.dispose();
  return outputs["logits"]!.data as Float32Array;
}
