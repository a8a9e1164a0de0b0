import { createCrm, crmProgram, regularized, type CrmFeature } from "@corella/crm";
import { fromFuxiCtrConfig } from "@corella/crm/fuxictr";
import type { Batch, Feed, Program, Runtime, Trainer } from "@corella/engine";
import { streamBatches, type SampleFolder } from "@corella/modality";
import type { Subject } from "../contestant.ts";
import { elements, integers, labels, rotating } from "./random-batches.ts";

export type Tables = "dense" | "lazy";

/** A model as FuxiCTR's configuration describes it; both sides are built from it. */
export interface CrmShape {
  readonly model: string;
  /** Rows by field, padding and out-of-vocabulary included. */
  readonly fields: Readonly<Record<string, number>>;
  readonly batch: number;
  readonly config: Readonly<Record<string, unknown>> & { readonly embedding_regularizer: number };
}

/**
 * A training step on ready batches. Tables `dense`: every row decays at every step, as FuxiCTR computes it; `lazy`: only the
 * rows of a batch, as the product trains.
 * @param usedRows that ids are drawn from in each table; they lie evenly over it
 */
export async function crmStep(
  runtime: Runtime,
  shape: CrmShape,
  tables: Tables,
  usedRows: number = Number.POSITIVE_INFINITY,
): Promise<Subject> {
  const { fields, batch } = shape;
  const { program, trainer } = await trainerOf(runtime, shape, tables);
  const next = rotating((index): Batch => {
    const feeds: Record<string, Feed> = { label: labels(batch, index) };
    for (const [name, size] of Object.entries(fields)) {
      const used = Math.min(size, usedRows);
      const stride = Math.floor(size / used);
      const ids = integers([batch], 1, used, `${name}/${index}`);
      feeds[name] = { shape: [batch], data: ids.data.map((id) => id * stride) as Int32Array };
    }
    return feeds;
  });
  return {
    step: () => trainer.step(next()),
    parameters: elements(program),
    dispose: () => trainer.dispose(),
  };
}

/** Enough for any number of rounds. */
const epochs = 10_000;

/**
 * Some batches of an epoch as the product trains: read from shards, shuffled and gathered in a worker thread, then the step.
 * Where the batches are all of an epoch, a step of this subject is an epoch.
 */
export async function crmEpoch(
  runtime: Runtime,
  shape: CrmShape,
  tables: Tables,
  { samples, batches }: { readonly samples: SampleFolder; readonly batches: number },
): Promise<Subject> {
  const { program, trainer } = await trainerOf(runtime, shape, tables);
  const stream = streamBatches(samples, { batchSize: shape.batch, shuffleSeed: 1, epochs });
  const run = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const { size, features, labels: label } = (await stream.next()).value!;
      const feeds: Record<string, Feed> = { label: { shape: [size], data: label! } };
      for (const [name, data] of Object.entries(features)) feeds[name] = { shape: [size], data };
      await trainer.step(feeds);
    }
  };
  return {
    step: () => run(batches),
    warmUp: () => run(3),
    parameters: elements(program),
    async dispose() {
      await stream.return();
      await trainer.dispose();
    },
  };
}

async function trainerOf(
  runtime: Runtime,
  { fields, model, config }: CrmShape,
  tables: Tables,
): Promise<{ readonly program: Program; readonly trainer: Trainer }> {
  const features = Object.entries(fields).map(([name, vocabularySize]): CrmFeature => {
    return { name, type: "categorical", vocabularySize, table: name };
  });
  const part = createCrm(fromFuxiCtrConfig(model, config), features);
  const program = crmProgram(part);
  const optimizer = regularized({ kind: "adam", learningRate: 1e-3 }, part, {
    embedding: config.embedding_regularizer,
  });
  return { program, trainer: await runtime.train(program, { seed: 1, optimizer, tables }) };
}
