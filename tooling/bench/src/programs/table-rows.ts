import { createCrm, crmProgram, type CrmFeature } from "@corella/crm";
import type { Batch, Feed, Runtime } from "@corella/engine";
import { createGenerator } from "@corella/random";
import type { Subject } from "../contestant.ts";
import type { Dcnv2Shape } from "./dcnv2.ts";
import { labels, rotating } from "./random-batches.ts";

/** Rows that ids come from where these shall be as many for every size of table. */
const usedRows = 10_000;

/**
 * A training step of DCNv2 whose fields share one table. Ids `spread`: always from 10,000 rows, which lie evenly over the
 * table, so that only its size differs; `uniform`: from all rows, so that bigger tables also have more distinct rows in a
 * batch.
 */
export async function tableStep(
  runtime: Runtime,
  shape: Dcnv2Shape,
  rows: number,
  ids: "spread" | "uniform",
): Promise<Subject> {
  const { batch, fields, dim, crossLayers, units, learningRate } = shape;
  const features = Array.from({ length: fields }, (_, i): CrmFeature => {
    return { name: `f${i}`, type: "categorical", vocabularySize: rows, table: "shared" };
  });
  const config = { model: "DCNv2", embeddingDim: dim, crossLayers, parallelUnits: units };
  const program = crmProgram(createCrm(config, features));
  const shared = Object.keys(program.tables)[0]!;
  const trainer = await runtime.train(
    {
      ...program,
      // Normal numbers for 10^8 rows would take minutes.
      tables: { [shared]: { rows, dim, init: { kind: "constant", value: 0.01 } } },
    },
    // Adagrad keeps one array beside the table: 10^8 rows x 16 then take 12.8 GB.
    { seed: 1, optimizer: { kind: "adagrad", learningRate } },
  );
  const stride = ids === "spread" ? Math.floor(rows / usedRows) : 1;
  const limit = ids === "spread" ? usedRows : rows;
  const next = rotating((i): Batch => {
    const random = createGenerator(1, `rows/${i}`);
    const feeds: Record<string, Feed> = { label: labels(batch, i) };
    for (const { name } of features) {
      const data = Int32Array.from({ length: batch }, () => random.integer(limit) * stride);
      feeds[name] = { shape: [batch], data };
    }
    return feeds;
  });
  return {
    step: () => trainer.step(next()),
    async warmUp() {
      for (let i = 0; i < 8; i++) await trainer.step(next());
    },
    dispose: () => trainer.dispose(),
  };
}
