import {
  initialValues,
  type Batch,
  type FrozenOptions,
  type PrecisionOf,
  type Program,
  type Runtime,
} from "@corella/engine";
import {
  answerLoss,
  chunkBatch,
  decoder,
  isLoraParam,
  labelledProgram,
  languageModelProgram,
  logitDifference,
  packDocuments,
  paddedFeeds,
  type DecoderConfig,
} from "@corella/llm";
import type { Subject } from "../contestant.ts";
import { elements, labels, rotating, sequences, tiledWeights } from "./random-batches.ts";

export interface TokenShape {
  readonly batch: number;
  readonly time: number;
}

const answers = { yes: 5, no: 6 };

/** A step of LoRA on q and v; the loss is the cross entropy over the vocabulary at the last position. */
export async function loraStep(
  runtime: Runtime,
  config: DecoderConfig,
  { batch, time }: TokenShape,
  lora: { readonly rank: number; readonly alpha: number; readonly learningRate: number },
  frozen: FrozenOptions = {},
): Promise<Subject> {
  const program = labelledProgram(decoder(config, { answers, lora }), (output, label) =>
    answerLoss(output, label, answers),
  );
  const trainer = await runtime.train(program, {
    ...frozen,
    seed: 1,
    values: tiledWeights(program),
    optimizer: (name) =>
      isLoraParam(name) ? { kind: "adamw", learningRate: lora.learningRate, weightDecay: 0.01 } : null,
  });
  const next = rotating((i): Batch => {
    const feeds = paddedFeeds(sequences(batch, time, config.vocabularySize, `lora/${i}`));
    return { ...feeds, label: labels(batch, i) };
  });
  return {
    step: () => trainer.step(next()),
    parameters: elements(program, isLoraParam),
    dispose: () => trainer.dispose(),
  };
}

/** Scoring: the difference of the two answers' logits at the last position. */
export async function scoring(
  runtime: Runtime,
  config: DecoderConfig,
  { batch, time }: TokenShape,
  precision: PrecisionOf = () => "float32",
): Promise<Subject> {
  const part = decoder(config, { answers });
  const program: Program = {
    ...part,
    forward: (scope) => ({ outputs: { difference: logitDifference(part.forward(scope).yesNoLogits) } }),
  };
  const values = initialValues(program, 1, tiledWeights(program));
  const inference = await runtime.infer(program, values, { precision });
  const next = rotating((i) => paddedFeeds(sequences(batch, time, config.vocabularySize, `score/${i}`)));
  return {
    step: () => inference.run(next()),
    parameters: elements(program),
    dispose: () => inference.dispose(),
  };
}

/** A step of next-token prediction, all parameters trained with AdamW. */
export async function pretrainingStep(
  runtime: Runtime,
  config: DecoderConfig,
  { batch, time }: TokenShape,
  learningRate: number,
): Promise<Subject> {
  const program = languageModelProgram(config);
  const trainer = await runtime.train(program, {
    seed: 1,
    optimizer: { kind: "adamw", learningRate, betas: [0.9, 0.95], weightDecay: 0.1 },
  });
  const rows = Array.from({ length: batch }, (_, row) => row);
  const next = rotating((i) => {
    const documents = sequences(batch + 1, time, config.vocabularySize, `pretrain/${i}`);
    return chunkBatch(packDocuments(documents, { time, endTokenId: 2 }), rows);
  });
  return {
    step: () => trainer.step(next()),
    parameters: elements(program),
    dispose: () => trainer.dispose(),
  };
}
