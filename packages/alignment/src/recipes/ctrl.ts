/**
 * CTRL (Li et al. 2023, arXiv 2306.02841): what a text encoder reads of samples is aligned with what a CRM sees of them, then the
 * CRM alone is tuned and served. In the paper's order: the contrastive objective (stage 1), supervised tuning (stage 2), the bundle.
 */
import { crmOf } from "@corella/bundle";
import type { CrmOutput } from "@corella/crm";
import {
  compose,
  cosineSchedule,
  within,
  type Part,
  type PhaseSpec,
  type Program,
  type Specs,
} from "@corella/engine";
import { shuffledRows } from "@corella/modality";
import { crmTraining } from "../crm/crm-training.ts";
import { randomSubset } from "../data.ts";
import { requirePlainPrompt, requireTestPart, requireValidation } from "../preflight.ts";
import type { Run } from "../run.ts";
import { noteTextCuts, openTextTower, textFeeds, type TextTower } from "../text-tower/text-tower.ts";
import { prefixed, unprefixed } from "../values.ts";
import { contrastiveLoss, contrastiveParams, type ContrastiveSettings } from "./contrastive-loss.ts";
import { crmAlone } from "./crm-alone.ts";
import type { RecipeResult } from "./recipe.ts";

/** Text tower and CRM, aligned, then the CRM alone. Settings: `textTower`, `stages.contrastive`, `stages.warmUp`. */
export async function ctrl(run: Run): Promise<RecipeResult> {
  const { config, data } = run;
  const crm = crmOf(config.crm, data.featureMap);
  requireTestPart(data);
  requireValidation(config, data);
  requirePlainPrompt(config);

  const aligned = await run.phase("contrastive", "Stage 1: aligning text and features", async () =>
    contrastiveTraining(run, crm, await openTextTower(run)),
  );
  const trained = await run.phase("crm-aligned", `Stage 2: tuning ${config.crm.model}`, () =>
    crmTraining(run, crm, { values: prefixed(unprefixed(aligned, "crm."), "crm.") }),
  );

  return crmAlone(run, unprefixed(trained, "crm."), `CTRL, ${config.crm.model}`);
}

/**
 * The contrastive loss as a program. Parameters, tables and inputs are prefixed `crm.`, `text.` and `projection.`. Of the CRM stands
 * the output of its last interaction layer.
 */
export function contrastiveProgram(
  crm: Part<CrmOutput> & { readonly hiddenWidths: readonly number[] },
  { part: text, width }: Pick<TextTower, "part" | "width">,
  settings: ContrastiveSettings,
): Program {
  const widths = { text: width, crm: crm.hiddenWidths.at(-1)! };
  const projection: Specs = { params: contrastiveParams(settings, widths), tables: {}, inputs: {} };
  return {
    ...compose({ crm, text, projection }),
    forward(scope) {
      const ofCrm = crm.forward(within(scope, "crm")).hiddenStates.at(-1)!;
      const ofText = text.forward(within(scope, "text"));
      const { param } = within(scope, "projection");
      return { loss: contrastiveLoss(settings, param, ofText, ofCrm), outputs: {} };
    },
  };
}

/** Both towers on a random subset of the training rows, without their labels; every batch is drawn anew in each epoch. */
async function contrastiveTraining(
  run: Run,
  crm: Part<CrmOutput> & { readonly hiddenWidths: readonly number[] },
  tower: TextTower,
): Promise<PhaseSpec> {
  const { config, data, runtime } = run;
  const settings = config.stages.contrastive;
  const { samples, epochs, batchSize, learningRate, weightDecay, warmupSteps } = settings;
  await noteTextCuts(run, tower);
  const rows = randomSubset(data.split.train, samples, config.seed, "contrastive");
  // The last, smaller batch would be another task: fewer to tell apart.
  const perEpoch = Math.max(1, Math.floor(rows.length / batchSize));
  const steps = perEpoch * epochs;
  const trainer = await runtime.train(contrastiveProgram(crm, tower, settings), {
    seed: config.seed,
    values: prefixed(tower.values, "text."),
    optimizer: (name) => ({
      kind: "adamw",
      learningRate: name.startsWith("text.") ? config.textTower.learningRate : learningRate,
      weightDecay,
    }),
  });
  let ordered: { readonly epoch: number; readonly rows: Uint32Array } | undefined;
  return {
    trainer,
    steps,
    samplesPerStep: Math.min(batchSize, rows.length),
    learningRateScale: cosineSchedule({ steps, warmupSteps, floor: 0.1 }),
    async batch(step) {
      const epoch = Math.floor(step / perEpoch);
      if (ordered?.epoch !== epoch) ordered = { epoch, rows: shuffledRows(rows, config.seed, epoch) };
      const start = (step % perEpoch) * batchSize;
      const drawn = ordered.rows.slice(start, start + batchSize);
      return { ...data.crmBatch(drawn, "crm."), ...(await textFeeds(run, tower, drawn, "text.")) };
    },
  };
}
