import type { FuxiCtrCase } from "./case.ts";

/**
 * Whether a tensor of a case is rounding noise: one that the case lists, or that a bias before batch normalisation reaches
 * while batches normalise. The loss does not depend on such a bias: its gradient is what rounding leaves, of which Adam makes
 * full steps, and the running mean follows.
 * @param names of all tensors of the case
 */
export function noiseOf(
  info: Pick<FuxiCtrCase, "mode" | "noisy">,
  names: readonly string[],
): (name: string) => boolean {
  const noise = new Set(info.noisy);
  if (info.mode === "train") {
    for (const name of names) {
      const mean = /^buffer\.(.*\.mlp\.)(\d+)\.running_mean$/.exec(name);
      if (mean === null) continue;
      noise.add(`after3.${mean[1]}${Number(mean[2]) - 1}.bias`);
      noise.add(`buffer_after3.${mean[1]}${mean[2]}.running_mean`);
      noise.add("logit_after3");
    }
  }
  return (name) => noise.has(name);
}
