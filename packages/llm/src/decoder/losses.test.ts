import { tf } from "@corella/engine";
import { expect, test } from "vitest";
import { twoWayLoss } from "./losses.ts";

test("a known logit is added before the two-way loss", () => {
  const [yes, no, offset, labels] = [
    [2, -1, 0.5],
    [0.5, 0.25, 3],
    [-0.7, 2, 0.1],
    [1, 0, 1],
  ] as const;
  const expected = yes
    .map((value, i) => {
      const p = 1 / (1 + Math.exp(-(value - no[i]! + offset[i]!)));
      return -Math.log(labels[i] === 1 ? p : 1 - p);
    })
    .reduce((sum, loss) => sum + loss / 3, 0);
  const logits = tf.stack([tf.tensor1d([...yes]), tf.tensor1d([...no])], 1);
  const loss = twoWayLoss(logits, tf.tensor1d([...labels]), tf.tensor1d([...offset]));
  expect(loss.dataSync()[0]).toBeCloseTo(expected, 6);
});
