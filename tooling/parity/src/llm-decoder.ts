import { calibrationLoss } from "@corella/alignment";
import { compose, tf, within, type Batch, type Feed, type Program, type Values } from "@corella/engine";
import {
  answerLoss,
  decoder,
  isLoraParam,
  loadAdapter,
  mergeAdapter,
  twoWayLoss,
  yesNoIds,
  type AnswerIds,
  type DecoderConfig,
  type LoraConfig,
} from "@corella/llm";
import { join } from "node:path";
import { collector, readGolden, recordedFeeds, type DecoderCase, type Golden } from "./llm-golden.ts";
import type { Comparison } from "./comparison.ts";

type LossKind = "yesno" | "vocab";
const prefix = "base_model.model.";

/** Hidden states, logits, probability and losses of the base model, padded on either side; tokens of the texts. */
export async function compareBase({ label, model, golden, runtime }: DecoderCase): Promise<Comparison[]> {
  const { add, results } = collector(label);
  const answers = answersOf(golden);
  const inference = await runtime.infer(
    lossProgram(model.config, answers, "yesno", undefined, true),
    model.values,
  );
  const vocabulary = await runtime.infer(lossProgram(model.config, answers, "vocab"), model.values);
  for (const side of ["right", "left"] as const) {
    const feeds = labelled(golden, golden, side);
    const outputs = await inference.run(feeds);
    const visible = golden.integers(`${side}.attention_mask`);
    for (let layer = 0; layer <= model.config.layers; layer++) {
      // Hidden states at padding are not defined; the goldens have zeros there.
      const states = (outputs[`hidden.${layer}`]!.data as Float32Array).map((value, i) =>
        visible[Math.floor(i / model.config.hiddenSize)] === 1 ? value : 0,
      );
      add("hidden", "hidden", states, golden.floats(`${side}.hidden.${layer}`));
    }
    add("logits", "logits", outputs["logitsLast"]!.data, golden.floats(`${side}.logits_last`));
    add("logits", "logits", outputs["yesNoLogits"]!.data, golden.floats(`${side}.logits_yesno`));
    add("probability", "probability", outputs["probability"]!.data, golden.floats(`${side}.prob_yes`));
    add("loss", "loss", outputs["loss"]!.data, golden.facts.scalars[`${side}.loss.yesno`]!.f64);
    const { loss } = await vocabulary.run(feeds);
    add("loss", "loss", loss!.data, golden.facts.scalars[`${side}.loss.vocab`]!.f64);
  }
  await inference.dispose();
  await vocabulary.dispose();

  const comparisons = results();
  const { tokenizer } = model;
  if (tokenizer !== undefined) {
    const encoded = await tokenizer.encodeBatch(golden.facts.texts);
    const shape = golden.shape("right.input_ids");
    const ids = golden.integers("right.input_ids");
    const wrong = encoded.filter((tokens, row) =>
      tokens.some((id, i) => id !== ids[row * shape[1]! + i]),
    ).length;
    comparisons.push({ case: label, group: "tokens of texts", difference: wrong, tolerance: 0 });
    let answersWrong = 0;
    for (const text of golden.facts.texts) {
      for (const prompt of [text, `${text} `]) {
        const found = await yesNoIds(tokenizer, prompt);
        if (found.yes !== answers.yes || found.no !== answers.no) answersWrong += 1;
      }
    }
    comparisons.push({ case: label, group: "answer ids", difference: answersWrong, tolerance: 0 });
  }
  return comparisons;
}

/** Logits, losses, gradients and three AdamW steps of an adapter. */
export async function compareAdapter(
  { label, model, golden: base, runtime }: DecoderCase,
  folder: string,
): Promise<Comparison[]> {
  const golden = await readGolden(folder);
  const { add, results } = collector(`${label}/${folder.split("/").at(-1)!}`);
  const answers = answersOf(golden);
  const adapter = await loadAdapter(folder, model.config);
  const values = { ...model.values, ...adapter.values };
  const program = (kind: LossKind): Program => lossProgram(model.config, answers, kind, adapter.lora);
  const inference = await runtime.infer(program("yesno"), values);
  for (const side of ["right", "left"] as const) {
    const outputs = await inference.run(labelled(golden, base, side));
    add("logits", "logits", outputs["logitsLast"]!.data, golden.floats(`${side}.logits_last`));
    if (side === "right")
      add("logits", "logits", outputs["yesNoLogits"]!.data, golden.floats("right.logits_yesno"));
  }
  await inference.dispose();

  const feeds = labelled(golden, base, "right");
  for (const kind of ["yesno", "vocab"] as const) {
    const run = await runtime.gradients(program(kind), values, { trainable: isLoraParam });
    const { loss, gradients } = await run.run(feeds);
    await run.dispose();
    add("loss", "loss", [loss], golden.facts.scalars[`loss.${kind}`]!.f64);
    for (const [name, gradient] of Object.entries(gradients))
      add("gradient", "gradient", gradient, golden.floats(`grad.${kind}.${prefix}${name}`));
    if (!golden.names.includes(`adamw.${kind}.losses`)) continue;
    const { lr, weight_decay: weightDecay, steps } = golden.facts.adamw;
    const trainer = await runtime.train(program(kind), {
      seed: 1,
      values: cloned(values),
      optimizer: (name) => (isLoraParam(name) ? { kind: "adamw", learningRate: lr, weightDecay } : null),
    });
    const losses: number[] = [];
    for (let step = 0; step < steps; step++) losses.push((await trainer.step(feeds)).loss);
    const tuned = await runtime.infer(program(kind), { ...trainer.values });
    losses.push((await tuned.run(feeds))["loss"]!.data[0]!);
    await tuned.dispose();
    add("adamw losses", "adamw", losses, golden.facts.scalars[`adamw.${kind}.losses`]!.f64);
    for (const name of Object.keys(adapter.values))
      add("adamw", "adamw", trainer.values[name]!, golden.floats(`adamw.${kind}.${prefix}${name}`));
    await trainer.dispose();
  }
  return results();
}

/** The adapter merged into the base's weights. */
export async function compareMerged(
  { label, model, golden: base, runtime }: DecoderCase,
  folder: string,
): Promise<Comparison[]> {
  const golden = await readGolden(folder);
  const { add, results } = collector(`${label}/${folder.split("/").at(-1)!}`);
  const { lora, values } = await loadAdapter(folder, model.config);
  const { values: merged } = mergeAdapter(model.config, lora, { ...model.values, ...values });
  const inference = await runtime.infer(lossProgram(model.config, answersOf(golden), "yesno"), merged);
  const outputs = await inference.run(labelled(golden, base, "right"));
  await inference.dispose();
  add("merged", "logits", outputs["logitsLast"]!.data, golden.floats("merged.logits_last"));
  for (const name of golden.names.filter((other) => other.startsWith("merged.model.")))
    add("merged", "logits", merged[name.slice("merged.".length)]!, golden.floats(name));
  return results();
}

/** Projections of hidden states to a common width, their distances and all gradients. */
export async function compareAlignment(
  { label, model, golden: base, runtime }: DecoderCase,
  path: string,
): Promise<Comparison[]> {
  const golden = await readGolden(join(path, "align"));
  const { add, results } = collector(`${label}/align`);
  const adapter = await loadAdapter(join(path, "lora-qv"), model.config);
  const names = golden.names.filter((name) => /^(proj_llm|proj_crm|crm_hidden)\.\d/.test(name));
  const values: Values = {};
  for (const [name, value] of Object.entries({ ...model.values, ...adapter.values }))
    values[`llm.${name}`] = value;
  for (const name of names) values[name] = golden.floats(name);
  for (const power of [1, 2] as const) {
    const program = alignmentProgram(model.config, answersOf(base), adapter.lora, golden, names, power);
    const run = await runtime.gradients(program, values, {
      trainable: (name) => isLoraParam(name) || names.includes(name),
    });
    const rows = base.facts.labels.length;
    const feeds: Record<string, Feed> = {
      sample: { shape: [rows], data: Int32Array.from({ length: rows }, (_, row) => row) },
    };
    for (const [name, feed] of Object.entries(recordedFeeds(base, "right"))) feeds[`llm.${name}`] = feed;
    const { loss, outputs, gradients } = await run.run(feeds);
    await run.dispose();
    add("loss", "alignGradient", [loss], golden.facts.scalars[`p${power}.loss`]!.f64);
    for (const [name, output] of Object.entries(outputs))
      add("states", "hidden", output.data, golden.floats(name));
    for (const [name, gradient] of Object.entries(gradients)) {
      const recorded = name.startsWith("llm.") ? prefix + name.slice("llm.".length) : name;
      add("gradient", "alignGradient", gradient, golden.floats(`p${power}.grad.${recorded}`));
    }
  }
  return results();
}

function alignmentProgram(
  config: DecoderConfig,
  answers: AnswerIds,
  lora: LoraConfig,
  golden: Golden,
  names: readonly string[],
  power: 1 | 2,
): Program {
  const llm = decoder(config, { answers, lora });
  const specs = compose({ llm });
  const params = { ...specs.params };
  const tables = { ...specs.tables };
  const init = { kind: "zeros" } as const;
  for (const name of names) {
    const shape = golden.shape(name);
    // The CRM's states are one row a sample: a table, so that they have gradients and the batch keeps its own size.
    if (name.startsWith("crm_hidden"))
      tables[name] = { rows: shape[0]!, dim: shape[1]!, init, paddingRow: false };
    else params[name] = { shape, init };
  }
  return {
    params,
    tables,
    inputs: { ...specs.inputs, sample: { shape: ["batch"], dtype: "int32" } },
    forward(scope) {
      const { hiddenStates } = llm.forward(within(scope, "llm"));
      const { layers } = golden.facts;
      const outputs: Record<string, tf.Tensor> = {};
      const crm = layers.map((layer, j) => {
        outputs[`llm_last.${j}`] = hiddenStates[layer]!;
        return scope.lookup(`crm_hidden.${j}`, scope.input("sample"));
      });
      const aligned = {
        llmLayers: layers,
        crmLayers: layers.map((_, j) => j + 1),
        normalise: "none",
        distance: "euclidean",
        power,
        temperature: 1,
      } as const;
      // The product's projections are called `llm.0.weight`, the golden's `proj_llm.0.weight`.
      const loss = calibrationLoss(aligned, (name) => scope.param(`proj_${name}`), hiddenStates, crm);
      return { loss, outputs };
    },
  };
}

function lossProgram(
  config: DecoderConfig,
  answers: AnswerIds,
  kind: LossKind,
  lora?: LoraConfig,
  allPositions = false,
): Program {
  const part = decoder(config, { answers, lora, allPositions });
  return {
    params: part.params,
    tables: {},
    inputs: { ...part.inputs, labels: { shape: ["batch"], dtype: "float32" } },
    forward(scope) {
      const output = part.forward(scope);
      const labels = scope.input("labels");
      const loss =
        kind === "yesno" ? twoWayLoss(output.yesNoLogits, labels) : answerLoss(output, labels, answers);
      const states = Object.fromEntries(
        (output.sequenceStates ?? []).map((state, layer) => [`hidden.${layer}`, state]),
      );
      const [yes] = tf.split(tf.softmax(output.yesNoLogits), 2, 1) as [tf.Tensor];
      return {
        loss,
        outputs: {
          ...states,
          loss: tf.reshape(loss, [1]),
          logitsLast: output.logitsLast(),
          yesNoLogits: output.yesNoLogits,
          probability: tf.reshape(yes, [-1]),
        },
      };
    },
  };
}

function answersOf({ facts }: Golden): AnswerIds {
  return { yes: facts.yes_id, no: facts.no_id };
}

function labelled(golden: Golden, base: Golden, side: "right" | "left"): Batch {
  const { labels } = golden.facts;
  return {
    ...recordedFeeds(base, side),
    labels: { shape: [labels.length], data: Float32Array.from(labels) },
  };
}

function cloned(values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.slice()]));
}
