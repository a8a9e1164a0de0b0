import { CorellaError } from "@corella/errors";
import {
  tf,
  type Batch,
  type Feed,
  type Part,
  type Program,
  type Runtime,
  type Values,
} from "@corella/engine";
import type { Tensor } from "../layers/layer.ts";
import type { CrmOutput } from "../model.ts";
import {
  binaryCrossEntropy,
  crmProgram,
  embeddingNames,
  regularizationLoss,
  regularized,
  type Regularizers,
} from "../program.ts";
import { createCrm } from "../registry.ts";
import { fromFuxiCtrConfig } from "./config.ts";
import type { CaseDifference, CaseTensors, FuxiCtrCase } from "./case.ts";
import { attentionSequences, fromFuxiCtrFeatures } from "./features.ts";
import { hiddenStateName } from "./hidden.ts";
import { noiseOf } from "./noise.ts";
import { fromFuxiCtrRegularizers } from "./regularizers.ts";
import { tinyGradient } from "./tolerance.ts";
import { concatenate, fromFuxiCtr, fuxiCtrNames, type NamedTensor } from "./weights.ts";

const steps = 3;

/** Gradients below this are of the order of Adam's epsilon: their parameters are the group `tinyGradient`. */
const tiny = 2e-7;

/**
 * Computes a case with our model and pairs every tensor that both have: hidden states, logit, loss, all gradients,
 * parameters and buffers after three Adam steps, and the logit that these give.
 */
export async function runFuxiCtrCase(
  info: FuxiCtrCase,
  tensors: CaseTensors,
  runtime: Runtime,
): Promise<CaseDifference[]> {
  const features = fromFuxiCtrFeatures(info.fields, info.config);
  const part = createCrm(fromFuxiCtrConfig(info.model, info.config), features);
  const recorded = (name: string): CaseTensors[string] => tensors[name] ?? missing(info.case, name);
  const golden = (name: string): Float32Array => recorded(name).data as Float32Array;
  const state = { ...within(tensors, "param."), ...within(tensors, "buffer.") };
  const sequences = attentionSequences(info.config);
  const values = fromFuxiCtr(part, state, sequences);
  const batch: Record<string, Feed> = { label: recorded("label") };
  for (const { name } of features) batch[name] = recorded(`input.${name}`);
  const regularizers = fromFuxiCtrRegularizers(info.config);
  const isNoise = noiseOf(info, Object.keys(tensors));

  const pairs: CaseDifference[] = [];
  const compare = (group: string, tensor: string, ours: ArrayLike<number>, theirs: Float32Array): void => {
    if (isNoise(tensor)) return;
    pairs.push({ group, tensor, ours: Float32Array.from(ours), golden: theirs });
  };
  /** Compares values by our names with the golden tensors of a group; those that are noise are left out. */
  const compareAll = (group: string, of: "param." | "buffer.", ours: Values): void => {
    for (const [name, theirs] of fuxiCtrNames(shapesOf(state), sequences)) {
      if (!theirs.every((tensor) => `${of}${tensor}` in tensors)) continue;
      const names = theirs.map((tensor) => `${group}.${tensor}`);
      if (names.some(isNoise)) continue;
      compare(group, names.join(" + "), ours[name] ?? [], concatenate(names.map(golden)));
    }
  };

  const program = observed(part, info.mode);
  const run = await runtime.gradients(program, values);
  const { loss, outputs, gradients, assigned } = await run.run(batch);
  await run.dispose();
  part.hiddenWidths.forEach((_, i) => {
    const name = hiddenStateName(info.model, i);
    const theirs = name === undefined ? undefined : tensors[`hidden.${name}`];
    if (theirs !== undefined)
      compare("hidden", `hidden.${name}`, outputs[`hidden.${i}`]!.data, theirs.data as Float32Array);
  });
  compare("logit", "logit", outputs["logit"]!.data, golden("logit"));
  compare("loss", "loss", [loss + regularizationLoss(part, values, regularizers)], golden("loss"));
  compareAll("grad", "param.", withRegularizers(part, values, gradients, regularizers));
  if (info.mode === "train") compareAll("buffer_after1", "buffer.", assigned);

  const { lr, betas, eps } = info.adam;
  const adam = { kind: "adam", learningRate: lr, betas, epsilon: eps } as const;
  const trainer = await runtime.train(program, {
    seed: 0,
    values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.slice()])),
    optimizer: regularized(adam, part, regularizers),
    tables: "dense",
  });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const penalty = regularizationLoss(part, trainer.values, regularizers);
    losses.push((await trainer.step(batch)).loss + penalty);
  }
  compare("loss_steps", "loss_steps", losses, golden("loss_steps"));
  compareAll("after3", "param.", trainer.values);
  pairs.push(...splitTiny(pairs, golden));
  compareAll("buffer_after3", "buffer.", trainer.values);
  const inference = await runtime.infer(crmProgram(part), trainer.values);
  const after = await inference.run(batch as Batch);
  await inference.dispose();
  compare("logit_after3", "logit_after3", after["logit"]!.data, golden("logit_after3"));
  await trainer.dispose();
  return pairs;
}

function missing(place: string, name: string): never {
  throw new CorellaError({
    code: "crm/fuxictr",
    message: `The case lacks the tensor ${name}.`,
    place,
    remedy:
      "Record the case again: it needs the inputs, all parameters and buffers, and what was computed from them.",
  });
}

/** The training program with its hidden states as outputs, batch normalisation and dropout as in the case. */
function observed(part: Part<CrmOutput>, mode: "train" | "eval"): Program {
  const program = crmProgram(part);
  return {
    ...program,
    forward(scope) {
      const inMode = mode === "train" ? scope : { ...scope, training: false, dropout: (x: Tensor) => x };
      const { logit, hiddenStates } = part.forward(inMode);
      const hidden = Object.fromEntries(hiddenStates.map((state, i) => [`hidden.${i}`, tf.clone(state)]));
      return { loss: binaryCrossEntropy(logit, scope.input("label")), outputs: { logit, ...hidden } };
    },
  };
}

/** Takes the elements with a tiny gradient out of the group after3. */
function splitTiny(pairs: CaseDifference[], golden: (name: string) => Float32Array): CaseDifference[] {
  const found: CaseDifference[] = [];
  for (const [at, pair] of pairs.entries()) {
    if (pair.group !== "after3") continue;
    const names = pair.tensor.split(" + ").map((name) => name.replace("after3.", "grad."));
    const gradient = concatenate(names.map(golden));
    const isTiny = (i: number): boolean => gradient[i] !== 0 && Math.abs(gradient[i]!) < tiny;
    const select = (wanted: boolean): CaseDifference => ({
      ...pair,
      ours: pair.ours.filter((_, i) => isTiny(i) === wanted),
      golden: pair.golden.filter((_, i) => isTiny(i) === wanted),
    });
    pairs[at] = select(false);
    const noise = select(true);
    if (noise.golden.length > 0) found.push({ ...noise, group: tinyGradient });
  }
  return found;
}

/** The gradient of the loss with λ/2 ||w||² added. */
function withRegularizers(
  part: Part<CrmOutput>,
  values: Values,
  gradients: Values,
  { embedding = 0, net = 0 }: Regularizers,
): Values {
  const embeddings = embeddingNames(part);
  return Object.fromEntries(
    Object.entries(gradients).map(([name, gradient]) => {
      const lambda = embeddings.has(name) ? embedding : net;
      return [name, gradient.map((g, i) => g + lambda * values[name]![i]!)];
    }),
  );
}

function within(tensors: CaseTensors, prefix: string): Record<string, NamedTensor> {
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor as NamedTensor]),
  );
}

function shapesOf(tensors: Record<string, NamedTensor>): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
}
