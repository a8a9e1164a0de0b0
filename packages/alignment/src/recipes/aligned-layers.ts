import { CorellaError } from "@corella/errors";
import type { ProjectionConfig } from "../config/stages-config.ts";

/** The hidden states that L_cal (eq. 3) compares, and how. */
export interface AlignedLayers extends ProjectionConfig {
  /** LLM blocks S_j, counted from 1 (the block's output). */
  readonly llmLayers: readonly number[];
  /** CRM interaction layers T_j, counted from 1; as many as blocks. */
  readonly crmLayers: readonly number[];
  /** Widths of the hidden states themselves: of every block, and of the interaction layer of each pair. */
  readonly hiddenWidths: { readonly llm: number; readonly crm: readonly number[] };
}

/**
 * The layers that a configuration aligns; by default the last interaction layers and blocks, as many as both models have.
 * @param crm widths of the interaction layers
 * @param llm number of blocks, and the width of their output
 * @throws CorellaError `config/projection` for layers that are not there, or not as many of one model as of the other
 */
export function alignedLayers(
  projection: ProjectionConfig,
  crm: readonly number[],
  llm: { readonly layers: number; readonly hiddenSize: number },
): AlignedLayers {
  const { llmLayers: blocks, crmLayers: interactions } = projection;
  const count = blocks?.length ?? interactions?.length ?? Math.min(crm.length, llm.layers);
  const llmLayers = blocks ?? last(count, llm.layers);
  const crmLayers = interactions ?? last(count, crm.length);
  const bad =
    llmLayers.length === 0 ||
    llmLayers.length !== crmLayers.length ||
    llmLayers.some((block) => block < 1 || block > llm.layers) ||
    crmLayers.some((layer) => layer < 1 || layer > crm.length);
  if (bad) {
    throw new CorellaError({
      code: "config/projection",
      message: `Blocks [${llmLayers.join(", ")}] of ${llm.layers} cannot be aligned with interaction layers [${crmLayers.join(", ")}] of ${crm.length}.`,
      place: "stages.joint.projection",
      remedy:
        "Name as many llmLayers as crmLayers, of layers that exist, one at least; weights.calibration: 0 aligns nothing.",
    });
  }
  const hiddenWidths = { llm: llm.hiddenSize, crm: crmLayers.map((layer) => crm[layer - 1]!) };
  return { ...projection, llmLayers, crmLayers, hiddenWidths };
}

/** The last numbers of 1 .. total. */
function last(count: number, total: number): number[] {
  return Array.from({ length: count }, (_, j) => total - count + 1 + j);
}
