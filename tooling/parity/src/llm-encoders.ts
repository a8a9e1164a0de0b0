import { join } from "node:path";
import { tf, type Batch, type Feed, type Program, type Runtime } from "@corella/engine";
import { bertEncoder, loadBert, loadT5, relativeBucket, t5, type T5Model } from "@corella/llm/encoders";
import { twoWayLoss } from "@corella/llm";
import { largestDifference, type Comparison } from "./comparison.ts";
import { collector, readGolden, type Golden } from "./llm-golden.ts";

function encoderFeeds(golden: Golden): Record<string, Feed> {
  const shape = golden.shape("input_ids");
  const time = shape[1]!;
  return {
    tokens: { shape, data: golden.integers("input_ids") },
    visible: { shape, data: golden.integers("attention_mask") },
    index: { shape: [time], data: Int32Array.from({ length: time }, (_, i) => i) },
  };
}

/** States at padding are not defined; the goldens have zeros there. */
function visibleStates(data: ArrayLike<number>, golden: Golden): Float32Array {
  const visible = golden.integers("attention_mask");
  const width = data.length / visible.length;
  return Float32Array.from(data, (value, i) => (visible[Math.floor(i / width)] === 1 ? value : 0));
}

/** Hidden states, both poolings, loss and gradients of a BERT. */
export async function compareBert(label: string, path: string, runtime: Runtime): Promise<Comparison[]> {
  const { config, values } = await loadBert(join(path, "model"));
  const golden = await readGolden(path);
  const { add, results } = collector(label);
  const part = bertEncoder(config);
  const program: Program = {
    ...part,
    inputs: { ...part.inputs, target: { shape: ["batch", config.hiddenSize], dtype: "float32" } },
    forward(scope) {
      const { hiddenStates, meanPooled, pooled } = part.forward(scope);
      const states = Object.fromEntries(hiddenStates.map((state, layer) => [`hidden.${layer}`, state]));
      return {
        loss: tf.mean(tf.sum(tf.square(tf.sub(meanPooled, scope.input("target"))), 1)),
        outputs: { ...states, mean_pooled: meanPooled, pooler_output: pooled() },
      };
    },
  };
  const run = await runtime.gradients(program, values);
  const target = { shape: golden.shape("target"), data: golden.floats("target") };
  const { loss, outputs, gradients } = await run.run({ ...encoderFeeds(golden), target });
  await run.dispose();
  for (const [name, { data }] of Object.entries(outputs)) {
    const states = name.startsWith("hidden.") ? visibleStates(data, golden) : data;
    add(name.startsWith("hidden.") ? "hidden" : "pooled", "hidden", states, golden.floats(name));
  }
  add("loss", "large", [loss], golden.facts.scalars["loss"]!.f64);
  for (const name of golden.names.filter((other) => other.startsWith("grad.")))
    add("gradient", "gradient", gradients[name.slice("grad.".length)]!, golden.floats(name));
  return results();
}

/** States, logits, losses and gradients of a T5, with one and with three answer tokens, and its distance buckets. */
export async function compareT5(label: string, path: string, runtime: Runtime): Promise<Comparison[]> {
  const model = await loadT5(join(path, "model"));
  const golden = await readGolden(path);
  const { add, results } = collector(label);
  const { labels, yes_id: yes, no_id: no } = golden.facts;
  const batch = labels.length;
  const answerFeeds = (answerTokens: Int32Array, targets: Int32Array): Batch => {
    const length = answerTokens.length / batch;
    return {
      ...encoderFeeds(golden),
      answerTokens: { shape: [batch, length], data: answerTokens },
      answerIndex: { shape: [length], data: Int32Array.from({ length }, (_, i) => i) },
      targets: { shape: [batch, length], data: targets },
      labels: { shape: [batch], data: Float32Array.from(labels) },
    };
  };
  const start = new Int32Array(batch).fill(model.config.startTokenId);
  const one = answerFeeds(
    start,
    Int32Array.from(labels, (label01) => (label01 === 1 ? yes : no)),
  );
  for (const kind of ["yesno", "vocab"] as const) {
    const run = await runtime.gradients(t5Program(model, golden, kind), model.values);
    const { loss, outputs, gradients } = await run.run(one);
    add("loss", "loss", [loss], golden.facts.scalars[`loss.${kind}`]!.f64);
    const prefix = `grad.${kind}.`;
    for (const name of golden.names.filter((other) => other.startsWith(prefix)))
      add("gradient", "gradient", gradients[name.slice(prefix.length)]!, golden.floats(name));
    for (const [name, { data }] of Object.entries(outputs)) {
      const states = name.startsWith("encoder.") ? visibleStates(data, golden) : data;
      add(name.includes("hidden") ? "hidden" : "logits", "hidden", states, golden.floats(name));
    }
    if (kind === "vocab") {
      const three = answerFeeds(golden.integers("dec3.input_ids"), golden.integers("dec3.labels"));
      const longer = await run.run(three);
      add("loss", "loss", [longer.loss], golden.facts.scalars["dec3.loss"]!.f64);
      add("logits", "logits", longer.outputs["logits"]!.data, golden.floats("dec3.logits"));
      for (const name of golden.names.filter((other) => other.startsWith("dec3.grad.")))
        add("gradient", "gradient", longer.gradients[name.slice("dec3.grad.".length)]!, golden.floats(name));
    }
    await run.dispose();
  }
  const comparisons = results();
  for (const side of ["encoder", "decoder"] as const) {
    const recorded = golden.integers(`buckets.${side}`);
    const middle = (recorded.length - 1) / 2;
    const ours = Array.from(recorded, (_, i) => relativeBucket(i - middle, model.config, side === "encoder"));
    comparisons.push({
      case: label,
      group: `buckets ${side}`,
      difference: largestDifference(ours, recorded),
      tolerance: 0,
    });
  }
  return comparisons;
}

function t5Program({ config }: T5Model, golden: Golden, kind: "yesno" | "vocab"): Program {
  const part = t5(config, { answers: { yes: golden.facts.yes_id, no: golden.facts.no_id } });
  return {
    ...part,
    inputs: {
      ...part.inputs,
      targets: { shape: ["batch", "answer"], dtype: "int32" },
      labels: { shape: ["batch"], dtype: "float32" },
    },
    forward(scope) {
      const output = part.forward(scope);
      const named = (side: string, states: readonly tf.Tensor[]): Record<string, tf.Tensor> =>
        Object.fromEntries(states.map((state, layer) => [`${side}.hidden.${layer}`, state]));
      return {
        loss:
          kind === "yesno"
            ? twoWayLoss(output.yesNoLogits, scope.input("labels"))
            : output.loss(scope.input("targets")),
        outputs: {
          ...named("encoder", output.encoderStates),
          ...named("decoder", output.decoderStates),
          logits: output.logits(),
          logits_yesno: output.yesNoLogits,
        },
      };
    },
  };
}
