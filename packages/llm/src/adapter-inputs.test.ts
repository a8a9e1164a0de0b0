import { createGenerator, initialValues, onnxRuntime, type Values } from "@corella/engine";
import { expect, test } from "vitest";
import {
  adapterFeeds,
  decoder,
  mergeAdapter,
  paddedFeeds,
  roomFor,
  tinyLlamaConfig,
  withAdapterInputs,
  type LoadedAdapter,
  type LoraConfig,
} from "./index.ts";

const config = tinyLlamaConfig({ vocabularySize: 40, hiddenSize: 16, layers: 2, heads: 4, keyValueHeads: 2 });
const answers = { yes: 7, no: 9 };
const feeds = paddedFeeds([
  [5, 3, 8, 1],
  [2, 6],
]);

function randomAdapter(lora: LoraConfig, seed: number): LoadedAdapter {
  const random = createGenerator(seed, "adapter");
  const names = Object.entries(initialValues(decoder(config, { answers, lora }), seed));
  const values: Values = {};
  for (const [name, array] of names)
    if (name.includes("lora_")) values[name] = array.map(() => random.normal() / 2);
  return { lora, values };
}

test("one compiled base serves several adapters, each as if it were merged, and itself without one", async () => {
  const runtime = onnxRuntime();
  const base = initialValues(decoder(config, { answers }), 3);
  // Other ranks, other modules, other scales.
  const adapters = [
    randomAdapter({ rank: 2, alpha: 6, targetModules: ["q_proj", "down_proj"] }, 1),
    randomAdapter({ rank: 3, alpha: 5, rsLora: true, targetModules: ["v_proj"] }, 2),
  ];
  const room = roomFor(adapters);
  expect(room).toEqual({ rank: 3, alpha: 3, targetModules: ["q_proj", "down_proj", "v_proj"] });
  const part = decoder(config, { answers, lora: room });
  const program = withAdapterInputs({
    ...part,
    forward: (scope: Parameters<typeof part.forward>[0]) => ({
      outputs: { logits: part.forward(scope).yesNoLogits },
    }),
  });
  const shared = await runtime.infer(program, base);
  for (const adapter of [adapters[0], adapters[1], undefined, adapters[0]]) {
    const { logits } = await shared.run({ ...feeds, ...adapterFeeds(config, room, adapter) });
    const values =
      adapter === undefined ? base : mergeAdapter(config, adapter.lora, { ...base, ...adapter.values });
    const plain = decoder(config, { answers });
    const merged = await runtime.infer(
      { ...plain, forward: (scope) => ({ outputs: { logits: plain.forward(scope).yesNoLogits } }) },
      values,
    );
    const expected = await merged.run(feeds);
    await merged.dispose();
    Array.from(logits!.data).forEach((value, i) =>
      expect(value).toBeCloseTo(expected["logits"]!.data[i]!, 5),
    );
  }
  await shared.dispose();
});
