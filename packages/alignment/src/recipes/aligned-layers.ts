import { CorellaError } from "@corella/errors";
import type { JointConfig } from "../config/stages-config.ts";

/** The hidden states that L_cal (eq. 3) compares, and how. */
export interface AlignedLayers {
  /** LLM blocks S_j, counted from 1 (the block's output). */
  readonly llmLayers: readonly number[];
  /** CRM interaction layers T_j, counted from 1; as many as blocks. */
  readonly crmLayers: readonly number[];
  /** Common width of the projections g. */
  readonly width: number;
  /** The norm's power. */
  readonly power: number;
  /** Widths of the hidden states themselves. */
  readonly hiddenWidths: { readonly llm: number; readonly crm: number };
}

/**
 * The layers that a configuration aligns; by default every interaction layer, with as many of the last blocks.
 * @param crm widths of the interaction layers
 * @param llm number of blocks, and the width of their output
 * @throws CorellaError `config/projection` for layers that are not there or are not equally wide
 */
export function alignedLayers(
  { width, power, llmLayers, crmLayers }: JointConfig["projection"],
  crm: readonly number[],
  llm: { readonly layers: number; readonly hiddenSize: number },
): AlignedLayers {
  const crmSide = crmLayers ?? crm.map((_, i) => i + 1);
  const llmSide = llmLayers ?? crmSide.map((_, j) => llm.layers - crmSide.length + 1 + j);
  const bad =
    llmSide.length !== crmSide.length ||
    llmSide.some((block) => block < 1 || block > llm.layers) ||
    crmSide.some((layer) => layer < 1 || layer > crm.length) ||
    new Set(crmSide.map((layer) => crm[layer - 1])).size > 1;
  if (bad) {
    throw new CorellaError({
      code: "config/projection",
      message: `Blocks [${llmSide.join(", ")}] of ${llm.layers} cannot be aligned with interaction layers [${crmSide.join(", ")}] of ${crm.length}.`,
      place: "stages.joint.projection",
      remedy: "Name as many llmLayers as crmLayers, of layers that exist and are equally wide.",
    });
  }
  const hiddenWidths = { llm: llm.hiddenSize, crm: crm[crmSide[0]! - 1]! };
  return { width, power, llmLayers: llmSide, crmLayers: crmSide, hiddenWidths };
}
