import type { Runtime } from "@corella/engine";
import type { BenchCase, Subject } from "../contestant.ts";
import { crmStep, type CrmShape } from "../programs/crm.ts";

interface Size {
  readonly fields: number;
  readonly dim: number;
  readonly batch: number;
  readonly rows: number;
}

const base: Size = { fields: 10, dim: 16, batch: 1024, rows: 10_000 };

const axes: Readonly<Record<keyof Size, readonly number[]>> = {
  fields: [5, 20, 40],
  dim: [8, 32, 64],
  batch: [256, 4096],
  rows: [1000, 100_000, 1_000_000],
};

/** Ids of a batch come from as many rows, however many there are. */
const usedRows = 1000;

/** How a training step of each model grows: one size changes, the others are those of the base. */
export function crmCosts(configs: Readonly<Record<string, CrmShape["config"]>>): BenchCase[] {
  return Object.entries(configs).flatMap(([model, config]) => {
    const shapeOf = ({ fields, dim, batch, rows }: Size): CrmShape => ({
      model,
      fields: Object.fromEntries(Array.from({ length: fields }, (_, f) => [`f${f}`, rows])),
      batch,
      config: { ...config, embedding_dim: dim },
    });
    /** Sizes are to differ, so their parameters are not compared. */
    const step = async (runtime: Runtime, size: Size): Promise<Subject> => {
      const subject = await crmStep(runtime, shapeOf(size), "lazy", usedRows);
      return { step: () => subject.step(), dispose: () => subject.dispose() };
    };
    return (Object.keys(axes) as (keyof Size)[]).map((axis): BenchCase => ({
      name: `${model.toLowerCase()}-cost-${axis}`,
      what: `training step of ${model} over ${axis}; base: ${JSON.stringify(base)}`,
      subject: (runtime) => step(runtime, base),
      rivals: axes[axis].map((value) => ({
        name: `${axis}-${value}`,
        own: (runtime) => step(runtime, { ...base, [axis]: value }),
        note: `peer: ours with ${axis} ${value}; ours: ${base[axis]}`,
      })),
      steps: 3,
    }));
  });
}
