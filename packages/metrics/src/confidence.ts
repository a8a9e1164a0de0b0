import { checkedScores, checkWholeNumber, type Numbers } from "./inputs.ts";
import { ascendingOrder } from "./ranking.ts";

/**
 * Figure 1 of the paper: the rows in `groups` groups of equal size (sizes differ by one at most) by ascending value,
 * ties by row. The first group has the smallest values: given entropies it is the one of highest confidence, given
 * confidences the one of lowest. Row numbers within a group ascend.
 * @throws CorellaError `metrics/not-a-number`, `metrics/bad-argument`.
 */
export function confidenceGroups(entropyOrConfidence: Numbers, groups = 3): Uint32Array[] {
  checkWholeNumber(groups, 1, "groups");
  const order = ascendingOrder(checkedScores(entropyOrConfidence, "entropyOrConfidence"));
  const boundary = (group: number): number => Math.floor((group * order.length) / groups);
  return Array.from({ length: groups }, (_, group) =>
    order.slice(boundary(group), boundary(group + 1)).sort(),
  );
}
