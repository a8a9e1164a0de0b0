import type { FuxiCtrCase } from "./case.ts";
import { noiseOf } from "./noise.ts";

/**
 * Adam divides a gradient by its size plus 1e-8, so of a parameter with a gradient of that order the rounding of the
 * gradient decides: such elements are a group of their own.
 */
export const tinyGradient: string = "after3 (|grad| < 2e-7)";

/**
 * Largest float32-float64 differences of the peer itself over its cases, of the loss and of parameters with a tiny gradient
 * those over other seeds and dimensions (goldens/crm/README.md, "Tolerances").
 */
const tolerances: Readonly<Record<string, number>> = {
  hidden: 4e-6,
  logit: 1e-6,
  loss: 6e-7,
  loss_steps: 6e-7,
  grad: 5e-7,
  buffer_after1: 1e-6,
  after3: 2e-6,
  [tinyGradient]: 4e-5,
  buffer_after3: 1e-6,
  // Not in the README; it adds what the parameters' rounding does.
  logit_after3: 4e-6,
};

/**
 * The largest difference that a group of a case may show: the README's, or five times what the case itself records of
 * the peer's rounding where that is more: its rounding and ours add up, and what is recorded is one draw of it.
 */
export function fuxiCtrTolerance(group: string, info: FuxiCtrCase): number {
  return Math.max(tolerances[group]!, 5 * recordedRounding(group === tinyGradient ? "after3" : group, info));
}

/** Some files count noise in their groups: the tensors, where they are listed, tell what is left without it. */
function recordedRounding(group: string, info: FuxiCtrCase): number {
  const { groups, tensors } = info.diff_f32_f64;
  if (tensors === undefined) return groups[group] ?? 0;
  const isNoise = noiseOf(info, Object.keys(tensors));
  const compared = Object.entries(tensors).filter(([name]) => name.split(".")[0] === group && !isNoise(name));
  return Math.max(0, ...compared.map(([, difference]) => difference));
}
