import { createCrm, crmProgram, fromFuxiCtrConfig, regularized, type CrmFeature } from "@corella/crm";
import { createGenerator, permutation, type Batch, type Feed, type Runtime } from "@corella/engine";
import type { Subject } from "../contestant.ts";
import { elements, integers, labels, rotating } from "./random-batches.ts";

/** A model as FuxiCTR's configuration describes it; both sides are built from it. */
export interface CrmShape {
  readonly model: string;
  /** Rows by field, padding and out-of-vocabulary included. */
  readonly fields: Readonly<Record<string, number>>;
  readonly batch: number;
  readonly config: Readonly<Record<string, unknown>> & { readonly embedding_regularizer: number };
  /** Samples of an epoch; 0: a single step is measured. */
  readonly epochRows: number;
}

/**
 * A training step, or an epoch with its shuffling and batching. Tables `dense`: every row decays at every step, as FuxiCTR
 * computes it; `lazy`: only the rows of a batch, as the product trains.
 */
export async function crmStep(runtime: Runtime, shape: CrmShape, tables: "dense" | "lazy"): Promise<Subject> {
  const { fields, batch, config, epochRows } = shape;
  const features = Object.entries(fields).map(([name, vocabularySize]): CrmFeature => {
    return { name, type: "categorical", vocabularySize, table: name };
  });
  const part = createCrm(fromFuxiCtrConfig(shape.model, config), features);
  const program = crmProgram(part);
  const trainer = await runtime.train(program, {
    seed: 1,
    optimizer: regularized({ kind: "adam", learningRate: 1e-3 }, part, {
      embedding: config.embedding_regularizer,
    }),
    tables,
  });
  const samples = (rows: number, index: number): Batch => {
    const feeds: Record<string, Feed> = { label: labels(rows, index) };
    for (const [name, size] of Object.entries(fields))
      feeds[name] = integers([rows], 1, size, `${name}/${index}`);
    return feeds;
  };
  const next = rotating((i) => samples(batch, i));
  const subject: Subject = {
    step: () => trainer.step(next()),
    parameters: elements(program),
    dispose: () => trainer.dispose(),
  };
  if (epochRows === 0) return subject;

  const all = samples(epochRows, 0);
  let epoch = 0;
  return {
    ...subject,
    async warmUp() {
      for (let i = 0; i < 4; i++) await subject.step();
    },
    async step() {
      epoch += 1;
      const order = permutation(epochRows, createGenerator(1, "epoch", epoch));
      for (let start = 0; start < epochRows; start += batch)
        await trainer.step(gathered(all, order.subarray(start, start + batch)));
    },
  };
}

/** Some samples of all. */
function gathered(all: Batch, rows: Uint32Array): Batch {
  const feeds: Record<string, Feed> = {};
  for (const [name, { data }] of Object.entries(all)) {
    const picked = data instanceof Int32Array ? new Int32Array(rows.length) : new Float32Array(rows.length);
    for (let i = 0; i < rows.length; i++) picked[i] = data[rows[i]!]!;
    feeds[name] = { shape: [rows.length], data: picked };
  }
  return feeds;
}
