import { createCrm, crmProgram, type CrmFeature } from "@corella/crm";
import { tf, type Batch, type Feed, type ParamSpec, type Program, type Runtime } from "@corella/engine";
import type { Subject } from "../contestant.ts";
import { elements, integers, labels, rotating } from "./random-batches.ts";

/** The shape of both DCNv2 cases; peers/torch_dcnv2.py takes the same. */
export interface Dcnv2Shape {
  readonly batch: number;
  readonly fields: number;
  readonly dim: number;
  readonly crossLayers: number;
  readonly units: readonly number[];
  readonly learningRate: number;
}

/** A training step of the product's model, embeddings looked up and updated. */
export async function lookupStep(runtime: Runtime, shape: Dcnv2Shape, rows: number): Promise<Subject> {
  const { batch, fields, dim, crossLayers, units, learningRate } = shape;
  const features = Array.from({ length: fields }, (_, i): CrmFeature => {
    return { name: `f${i}`, type: "categorical", vocabularySize: rows, table: `f${i}` };
  });
  const config = { model: "DCNv2", embeddingDim: dim, crossLayers, parallelUnits: units };
  const program = crmProgram(createCrm(config, features));
  const trainer = await runtime.train(program, { seed: 1, optimizer: { kind: "adam", learningRate } });
  const next = rotating((i): Batch => {
    const feeds: Record<string, Feed> = { label: labels(batch, i) };
    for (const { name } of features) feeds[name] = integers([batch], 1, rows, `${name}/${i}`);
    return feeds;
  });
  return {
    step: () => trainer.step(next()),
    parameters: elements(program),
    dispose: () => trainer.dispose(),
  };
}

/**
 * The same on given vectors [batch, fields * dim]. They are a parameter that SGD moves by nothing, so that their
 * gradient, which embeddings would need, is computed.
 */
export async function denseStep(runtime: Runtime, shape: Dcnv2Shape): Promise<Subject> {
  const { batch, learningRate } = shape;
  const program = denseProgram(shape);
  const trainer = await runtime.train(program, {
    seed: 1,
    optimizer: (name) => (name === "x" ? { kind: "sgd", learningRate: 0 } : { kind: "adam", learningRate }),
  });
  const next = rotating((i): Batch => ({ label: labels(batch, i) }));
  return {
    step: () => trainer.step(next()),
    parameters: elements(program) - elements({ params: { x: program.params["x"]! }, tables: {} }),
    dispose: () => trainer.dispose(),
  };
}

function denseProgram({ batch, fields, dim, crossLayers, units }: Dcnv2Shape): Program {
  const width = fields * dim;
  const params: Record<string, ParamSpec> = {
    x: { shape: [batch, width], init: { kind: "normal", std: 1 } },
  };
  const linear = (name: string, inputs: number, outputs: number): void => {
    params[`${name}.weight`] = { shape: [outputs, inputs], init: { kind: "xavierNormal" } };
    params[`${name}.bias`] = { shape: [outputs], init: { kind: "zeros" } };
  };
  for (let layer = 0; layer < crossLayers; layer++) linear(`cross.${layer}`, width, width);
  units.forEach((size, i) => linear(`mlp.${i}`, units[i - 1] ?? width, size));
  const last = units.at(-1) ?? width;
  params["out.cross"] = { shape: [1, width], init: { kind: "xavierNormal" } };
  params["out.mlp"] = { shape: [1, last], init: { kind: "xavierNormal" } };
  params["out.bias"] = { shape: [1], init: { kind: "zeros" } };
  return {
    params,
    tables: {},
    inputs: { label: { shape: [batch], dtype: "float32" } },
    forward(scope) {
      const apply = (name: string, input: tf.Tensor): tf.Tensor =>
        tf.add(tf.matMul(input, scope.param(`${name}.weight`), false, true), scope.param(`${name}.bias`));
      const x0 = scope.param("x");
      let crossed: tf.Tensor = x0;
      for (let layer = 0; layer < crossLayers; layer++)
        crossed = tf.add(tf.mul(x0, apply(`cross.${layer}`, crossed)), crossed);
      let hidden: tf.Tensor = x0;
      units.forEach((_, i) => (hidden = tf.relu(apply(`mlp.${i}`, hidden))));
      const out = (name: string, input: tf.Tensor): tf.Tensor =>
        tf.matMul(input, scope.param(name), false, true);
      const both = tf.add(out("out.cross", crossed), out("out.mlp", hidden));
      const logit = tf.reshape(tf.add(both, scope.param("out.bias")), [-1]);
      const label = scope.input("label");
      return { loss: tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, label))), outputs: {} };
    },
  };
}
