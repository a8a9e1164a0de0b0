import { crmInferenceProgram, type CrmOutput } from "@corella/crm";
import type { Batch, Part, Values } from "@corella/engine";
import type { Run } from "../run.ts";
import { labelledRows, namedCrm } from "./crm-training.ts";

/**
 * The CRM's logits of rows of the log, by the row.
 * @param values of the CRM, their names prefixed `crm.`
 */
export async function crmLogits(
  { data, runtime }: Pick<Run, "data" | "runtime">,
  crm: Part<CrmOutput>,
  values: Values,
  rows: Uint32Array,
): Promise<ReadonlyMap<number, number>> {
  const inference = await runtime.infer(crmInferenceProgram(namedCrm(crm)), values);
  const logits = new Map<number, number>();
  let next = 0;
  try {
    for await (const batch of labelledRows(data, rows).batches()) {
      const { logit } = await inference.run(batch);
      for (const value of logit!.data as Float32Array) logits.set(rows[next++]!, value);
    }
  } finally {
    await inference.dispose();
  }
  return logits;
}

/** The logits of rows as the input `offset`, float32 [batch], of `objective`. */
export function offsetFeed(logits: ReadonlyMap<number, number>, rows: Uint32Array): Batch {
  return { offset: { shape: [rows.length], data: Float32Array.from(rows, (row) => logits.get(row)!) } };
}
