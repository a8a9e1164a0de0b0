import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  eagerRuntime,
  onnxRuntime,
  type Batch,
  type Program,
  type Runtime,
  type Values,
} from "@corella/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  adapterFeeds,
  decoder,
  loadAdapter,
  loadPretrained,
  mergeAdapter,
  packedDecoder,
  packedFeeds,
  paddedFeeds,
  parseDecoderConfig,
  roomFor,
  saveAdapter,
  toHuggingFace,
  withAdapterInputs,
  type LoraConfig,
  type PretrainedModel,
} from "../index.ts";
import { loadT5, t5 } from "../encoders.ts";

// What transformers and PEFT make of one small Llama under many settings; see goldens/README.md.
const folder = fileURLToPath(new URL("../goldens/variants", import.meta.url));

interface Variant {
  readonly name: string;
  /** Changes of config.json; null removes a field. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly logits: readonly (readonly number[])[];
}

const recorded = JSON.parse(await readFile(join(folder, "variants.json"), "utf8")) as {
  readonly input_ids: readonly (readonly number[])[];
  readonly attention_mask: readonly (readonly number[])[];
  readonly answer_tokens: readonly number[];
  readonly decoders: readonly Variant[];
  readonly adapters: readonly Omit<Variant, "fields">[];
  readonly t5: readonly Variant[];
};
const rows = recorded.input_ids.map((ids, row) =>
  ids.filter((_, i) => recorded.attention_mask[row]![i] === 1),
);
const answers = { yes: 5, no: 9 };
const runtimes: Runtime[] = [onnxRuntime(), eagerRuntime("cpu")];
const tolerance = 1e-5;

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "corella-variants-"));
});
afterAll(() => rm(work, { recursive: true, force: true }));

async function variantOf(
  source: string,
  { fields, name }: Pick<Variant, "fields" | "name">,
): Promise<string> {
  const target = join(work, name);
  await cp(join(folder, source), target, { recursive: true });
  const path = join(target, "config.json");
  const config = { ...(JSON.parse(await readFile(path, "utf8")) as object), ...fields };
  const kept = Object.entries(config).filter(
    ([field, value]) => value !== null || fields[field] === undefined,
  );
  await writeFile(path, JSON.stringify(Object.fromEntries(kept)));
  return target;
}

async function logitsOf(
  { config, values }: Pick<PretrainedModel, "config" | "values">,
  lora: LoraConfig | undefined,
  runtime: Runtime,
): Promise<Float32Array> {
  const part = decoder(config, { answers, lora });
  return run(
    { ...part, forward: (scope) => ({ outputs: { logits: part.forward(scope).logitsLast() } }) },
    values,
    paddedFeeds(rows),
    runtime,
  );
}

async function run(program: Program, values: Values, feeds: Batch, runtime: Runtime): Promise<Float32Array> {
  const inference = await runtime.infer(program, values);
  const { logits } = await inference.run(feeds);
  await inference.dispose();
  return logits!.data as Float32Array;
}

function expectClose(ours: ArrayLike<number>, theirs: Variant["logits"]): void {
  const flat = theirs.flat();
  expect(ours.length).toBe(flat.length);
  const largest = flat.reduce((worst, value, i) => Math.max(worst, Math.abs(value - ours[i]!)), 0);
  expect(largest).toBeLessThan(tolerance);
}

describe.each(runtimes.map((runtime) => ({ name: runtime.name, runtime })))("on $name", ({ runtime }) => {
  test.each(recorded.decoders)("a decoder: $name", async (variant) => {
    const model = await loadPretrained(await variantOf("model", variant));
    expectClose(await logitsOf(model, undefined, runtime), variant.logits);
    // What we write is the same model.
    expect(parseDecoderConfig(toHuggingFace(model.config), "written")).toEqual(model.config);
  });

  test.each(recorded.adapters)("an adapter by $name", async ({ name, logits }) => {
    const model = await loadPretrained(join(folder, "model"));
    const { lora, values } = await loadAdapter(join(folder, "adapters", name), model.config);
    const all = { ...model.values, ...values };
    expectClose(await logitsOf({ ...model, values: all }, lora, runtime), logits);
    const merged = { ...model, values: mergeAdapter(model.config, lora, all).values };
    expectClose(await logitsOf(merged, undefined, runtime), logits);
  });

  test.each(recorded.t5)("a T5 with $name", async (variant) => {
    const path = await variantOf("t5", variant);
    await cp(
      fileURLToPath(new URL("../goldens/gemma3/model/tokenizer.json", import.meta.url)),
      join(path, "tokenizer.json"),
    );
    const { config, values } = await loadT5(path);
    const part = t5(config, { answers });
    const { tokens, visible, index } = paddedFeeds(rows);
    const length = recorded.answer_tokens.length;
    const feeds: Batch = {
      tokens: tokens!,
      visible: visible!,
      index: index!,
      answerTokens: { shape: [3, length], data: Int32Array.from(rows.flatMap(() => recorded.answer_tokens)) },
      answerIndex: { shape: [length], data: Int32Array.from({ length }, (_, i) => i) },
    };
    const program: Program = {
      ...part,
      forward: (scope) => ({ outputs: { logits: part.forward(scope).logits() } }),
    };
    expectClose(await run(program, values, feeds, runtime), variant.logits);
  });
});

test("one base with room for every adapter, and adapters that are written again", async () => {
  const model = await loadPretrained(join(folder, "model"));
  const loaded = await Promise.all(
    recorded.adapters.map(({ name }) => loadAdapter(join(folder, "adapters", name), model.config)),
  );
  const room = roomFor(loaded);
  const part = decoder(model.config, { answers, lora: room });
  const program = withAdapterInputs({
    ...part,
    forward: (scope: Parameters<typeof part.forward>[0]) => ({
      outputs: { logits: part.forward(scope).logitsLast() },
    }),
  });
  for (const [i, { name, logits }] of recorded.adapters.entries()) {
    const feeds = { ...paddedFeeds(rows), ...adapterFeeds(model.config, room, loaded[i]) };
    expectClose(await run(program, model.values, feeds, onnxRuntime()), logits);
    const path = join(work, `written ${name}`);
    await saveAdapter(path, { config: model.config, ...loaded[i]! });
    expect(await loadAdapter(path, model.config)).toEqual(loaded[i]);
  }
});

test("sequences that share a prefix have the RoPE of the longest one", async () => {
  const { values } = await loadPretrained(join(folder, "model"));
  for (const { name, fields, logits } of recorded.decoders.filter((variant) =>
    /long$|beyond/.test(variant.name),
  )) {
    const { config } = await loadPretrained(await variantOf("model", { name: `${name}, packed`, fields }));
    const part = packedDecoder(config, { answers });
    const program: Program = {
      ...part,
      forward: (scope) => ({ outputs: { logits: part.forward(scope).logitsLast() } }),
    };
    expectClose(await run(program, values, packedFeeds(rows), onnxRuntime()), logits);
  }
});
