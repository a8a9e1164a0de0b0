import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { eagerRuntime, onnxRuntime, tf, type Batch, type Program, type Runtime } from "@corella/engine";
import { parseSafetensors, toFloat32, toInt32, type TensorView } from "@corella/safetensors";
import { describe, expect, test } from "vitest";
import {
  answerLoss,
  decoder,
  isLoraParam,
  loadAdapter,
  loadPretrained,
  mergeAdapter,
  parseDecoderConfig,
  twoWayLoss,
  yesNoIds,
  type LoraConfig,
  type PretrainedModel,
} from "../index.ts";

// Recorded by transformers and PEFT; tolerances are the largest f32 - f64 differences in the goldens' README.
const folders = ["llama-mha-untied", "gemma3", "olmo2"].map((name) =>
  fileURLToPath(new URL(`../goldens/${name}`, import.meta.url)),
);
const prefix = "base_model.model.";

interface Golden {
  readonly facts: { texts: string[]; yes_id: number; no_id: number; labels: number[] };
  readonly tensor: (name: string) => TensorView;
}

async function readGolden(path: string): Promise<Golden> {
  const { tensors } = parseSafetensors(await readFile(join(path, "golden.safetensors")));
  return {
    facts: JSON.parse(await readFile(join(path, "golden.json"), "utf8")) as Golden["facts"],
    tensor: (name) => tensors.get(name)!,
  };
}

function feeds({ facts, tensor }: Golden, side: string): Batch {
  const { shape } = tensor(`${side}.input_ids`);
  const [batch, time] = shape as [number, number];
  const ints = (name: string): Int32Array => toInt32(tensor(`${side}.${name}`));
  return {
    tokens: { shape, data: ints("input_ids") },
    positions: { shape, data: ints("position_ids") },
    visible: { shape, data: ints("attention_mask") },
    index: { shape: [time], data: Int32Array.from({ length: time }, (_, i) => i) },
    last: { shape: [batch], data: ints("last") },
    labels: { shape: [batch], data: Float32Array.from(facts.labels) },
  };
}

function program(
  model: PretrainedModel,
  { facts }: Golden,
  loss: "yesno" | "vocab",
  lora?: LoraConfig,
): Program {
  const answers = { yes: facts.yes_id, no: facts.no_id };
  const part = decoder(model.config, { answers, lora });
  return {
    params: part.params,
    tables: {},
    inputs: { ...part.inputs, labels: { shape: ["batch"], dtype: "float32" } },
    forward(scope) {
      const output = part.forward(scope);
      const labels = scope.input("labels");
      return {
        loss: loss === "yesno" ? twoWayLoss(output.yesNoLogits, labels) : answerLoss(output, labels, answers),
        outputs: {
          ...Object.fromEntries(output.hiddenStates.map((state, layer) => [`hidden.${layer}`, state])),
          logits_yesno: output.yesNoLogits,
          logits_last: output.logitsLast(),
          prob_yes: tf.reshape((tf.split(tf.softmax(output.yesNoLogits), 2, 1) as tf.Tensor[])[0]!, [-1]),
        },
      };
    },
  };
}

function expectClose(
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  expect(ours.length, what).toBe(theirs.length);
  let largest = 0;
  for (let i = 0; i < ours.length; i++) largest = Math.max(largest, Math.abs(ours[i]! - theirs[i]!));
  expect(largest, what).toBeLessThanOrEqual(tolerance);
}

const runtimes: Runtime[] = [onnxRuntime(), eagerRuntime("cpu")];

const cases = folders.flatMap((folder) =>
  runtimes.map((runtime) => ({ folder, name: basename(folder), runtime, runtimeName: runtime.name })),
);
describe.each(cases)("$name of transformers on $runtimeName", ({ folder, runtime }) => {
  for (const side of ["right", "left"]) {
    test(`hidden states, logits and probability, padded on the ${side}`, async () => {
      const model = await loadPretrained(join(folder, "model"));
      const golden = await readGolden(folder);
      const inference = await runtime.infer(program(model, golden, "yesno"), model.values);
      const outputs = await inference.run(feeds(golden, side));
      await inference.dispose();
      const recorded = (name: string): Float32Array => toFloat32(golden.tensor(`${side}.${name}`));
      for (const name of ["logits_last", "logits_yesno"])
        expectClose(outputs[name]!.data, recorded(name), 5.8e-6, name);
      expectClose(outputs["prob_yes"]!.data, recorded("prob_yes"), 5.3e-7, "prob_yes");
      const last = toInt32(golden.tensor(`${side}.last`));
      const [, time, width] = golden.tensor(`${side}.hidden.0`).shape as [number, number, number];
      for (let layer = 0; layer <= model.config.layers; layer++) {
        const all = recorded(`hidden.${layer}`);
        const expected = [...last].flatMap((at, row) => {
          const start = (row * time + at) * width;
          return [...all.subarray(start, start + width)];
        });
        expectClose(outputs[`hidden.${layer}`]!.data, expected, 1.6e-5, `hidden.${layer}`);
      }
    });
  }

  test("an adapter of PEFT: logits, losses and gradients", async () => {
    const model = await loadPretrained(join(folder, "model"));
    const base = await readGolden(folder);
    const golden = await readGolden(join(folder, "lora-qv"));
    const { lora, values } = await loadAdapter(join(folder, "lora-qv"), model.config);
    for (const kind of ["yesno", "vocab"] as const) {
      const run = await runtime.gradients(
        program(model, base, kind, lora),
        { ...model.values, ...values },
        { trainable: isLoraParam },
      );
      const { loss, outputs, gradients } = await run.run(feeds(base, "right"));
      await run.dispose();
      expectClose([loss], toFloat32(golden.tensor(`loss.${kind}`)), 3.2e-6, "loss");
      expectClose(
        outputs["logits_last"]!.data,
        toFloat32(golden.tensor("right.logits_last")),
        5.8e-6,
        "logits",
      );
      expect(Object.keys(gradients).length).toBe(Object.keys(values).length);
      for (const [name, gradient] of Object.entries(gradients))
        expectClose(gradient, toFloat32(golden.tensor(`grad.${kind}.${prefix}${name}`)), 8.3e-6, name);
    }
  });
});

test.each(folders)("the merged adapter gives the adapted model's logits: %s", async (folder) => {
  const model = await loadPretrained(join(folder, "model"));
  const base = await readGolden(folder);
  const golden = await readGolden(join(folder, "lora-qv"));
  const { lora, values } = await loadAdapter(join(folder, "lora-qv"), model.config);
  const { values: merged } = mergeAdapter(model.config, lora, { ...model.values, ...values });
  const inference = await onnxRuntime().infer(program(model, base, "yesno"), merged);
  const outputs = await inference.run(feeds(base, "right"));
  await inference.dispose();
  expectClose(outputs["logits_last"]!.data, toFloat32(golden.tensor("merged.logits_last")), 5.8e-6, "merged");
});

test.each(folders)("the texts have the recorded tokens and answers: %s", async (folder) => {
  const { tokenizer } = await loadPretrained(join(folder, "model"));
  const golden = await readGolden(folder);
  const { shape } = golden.tensor("right.input_ids");
  const ids = toInt32(golden.tensor("right.input_ids"));
  const encoded = await tokenizer!.encodeBatch(golden.facts.texts);
  encoded.forEach((tokens, row) => {
    expect(tokens).toEqual([...ids.subarray(row * shape[1]!, row * shape[1]! + tokens.length)]);
    expect(tokenizer!.countTokens(golden.facts.texts[row]!)).toBe(tokens.length);
  });
  expect(await yesNoIds(tokenizer!, golden.facts.texts[0]!)).toEqual({
    yes: golden.facts.yes_id,
    no: golden.facts.no_id,
    dangling: "",
    appended: "",
  });
  expect((await yesNoIds(tokenizer!, `${golden.facts.texts[0]!} `)).dangling).toBe(" ");
});

test("the configuration reads the same in its old names", async () => {
  const folder = folders[0]!;
  const read = async (name: string): Promise<unknown> =>
    parseDecoderConfig(JSON.parse(await readFile(join(folder, "model", name), "utf8")), name);
  expect(await read("config.legacy.json")).toEqual(await read("config.json"));
});
