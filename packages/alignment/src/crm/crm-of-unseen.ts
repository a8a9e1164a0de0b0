import type { CrmOutput } from "@corella/crm";
import type { Part, Program, Values } from "@corella/engine";
import type { KnownCrm } from "../llm/llm-alone.ts";
import type { Run } from "../run.ts";
import { crmLogits } from "./crm-logits.ts";
import { crmTraining } from "./crm-training.ts";

/** Rows of the training part, and what a CRM says of them that did not learn from them. */
export interface CrmOfUnseen {
  readonly rows: Uint32Array;
  /** @param serving values of the CRM that serves, named `crm.`, which says what is not of `rows` */
  by(serving: Values): KnownCrm;
}

/**
 * The latest training rows, with a CRM that is trained on those before: of its own training rows a CRM says more than it will
 * of new ones. Their share is `stages.llmAlone.heldOut`; with 0 they are all, and the CRM that serves says them too.
 * @param program what is trained, as `crmTraining` takes it
 */
export async function crmOfUnseen(run: Run, crm: Part<CrmOutput>, program: Program): Promise<CrmOfUnseen> {
  const { data, config } = run;
  const { train } = data.split;
  const { heldOut } = config.stages.llmAlone;
  const first = heldOut === 0 ? 0 : Math.round(train.length * (1 - heldOut));
  const rows = train.subarray(first);
  const split = { ...data.split, train: train.subarray(0, first) };
  const trained =
    heldOut === 0
      ? undefined
      : await run.phase("stage-3-crm", "A CRM of the earlier rows", () =>
          crmTraining({ ...run, data: { ...data, split } }, crm, { program }),
        );
  return {
    rows,
    by: (serving) => ({
      rows,
      training: (of) => crmLogits(run, crm, trained ?? serving, of),
      validation: (of) => crmLogits(run, crm, serving, of),
    }),
  };
}
