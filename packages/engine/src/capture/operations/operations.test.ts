import { describe, expect, test } from "vitest";
import { eagerRuntime, onnxRuntime, tf, type Batch, type Program } from "../../index.ts";

interface Inputs {
  /** [batch, 6] between -2 and 2. */
  readonly x: tf.Tensor2D;
  /** [batch, 3] from 0 to 4. */
  readonly ids: tf.Tensor2D;
}

/** Operations that tfjs-core's tests show to be right for fixed shapes, here on a batch of varying size. */
const cases: Record<string, (inputs: Inputs) => tf.Tensor> = {
  "products along the rest": ({ x }) => tf.cumprod(x, 1, true, true),
  "products along the batch's rows": ({ x }) => tf.prod(x, 1),
  "the largest three": ({ x }) => tf.topk(x, 3).values,
  "their places": ({ x }) => tf.topk(x, 3).indices,
  "where values would stand": ({ x }) => tf.lowerBound(tf.tensor1d([-1, 0, 1]), tf.slice(x, [0, 0], [1, 6])),
  remainders: ({ x }) => tf.mod(x, tf.scalar(0.7)),
  "whole divisions": ({ ids }) => tf.floorDiv(tf.sub(ids, 2), tf.scalar(2, "int32")),
  angles: ({ x }) => tf.atan2(x, tf.reverse(x, 1)),
  "mirrored ends": ({ x }) =>
    tf.mirrorPad(
      x,
      [
        [0, 0],
        [2, 3],
      ],
      "symmetric",
    ),
  "one-hot rows": ({ ids }) => tf.oneHot(ids, 4, 2, -1, "float32"),
  "counts a row": ({ ids }) => tf.denseBincount(ids, [] as unknown as tf.Tensor2D, 5),
  "weighted counts": ({ ids, x }) =>
    tf.bincount(
      tf.reshape(ids, [-1]) as tf.Tensor1D,
      tf.reshape(tf.slice(x, [0, 0], [-1, 3]), [-1]) as tf.Tensor1D,
      4,
    ),
  "sums by segment": ({ ids, x }) =>
    tf.unsortedSegmentSum(
      x,
      tf.sub(tf.reshape(tf.slice(ids, [0, 0], [-1, 1]), [-1]), tf.scalar(1, "int32")) as tf.Tensor1D,
      4,
    ),
  contraction: ({ x }) => tf.einsum("bi,bj->bij", x, x),
  "gathered by row": ({ x, ids }) => tf.gather(x, ids, 1, 1),
  "gathered behind an axis": ({ x, ids }) =>
    tf.gather(tf.reshape(x, [-1, 2, 3]), tf.minimum(ids, tf.scalar(2, "int32")), 2, 1),
  "cells of a table": ({ ids }) => tf.gatherND(tf.reshape(tf.range(0, 125), [5, 5, 5]), ids),
  "added to cells": ({ ids, x }) => tf.scatterND(tf.slice(ids, [0, 0], [-1, 2]) as tf.Tensor2D, x, [5, 5, 6]),
  "space in blocks": ({ x }) =>
    tf.spaceToBatchND(
      tf.reshape(x, [-1, 3, 2, 1]),
      [2, 2],
      [
        [1, 0],
        [0, 0],
      ],
    ),
  "NaN, passed over or passed on": ({ x }) => {
    // The first of each row is a number.
    const roots = tf.concat([tf.abs(tf.slice(x, [0, 0], [-1, 1])), tf.sqrt(tf.slice(x, [0, 1], [-1, 5]))], 1);
    return tf.concat([tf.cast(tf.argMax(roots, 1), "float32"), tf.max(roots, 1), tf.sign(tf.sum(roots, 1))]);
  },
  "mirrored images": ({ x }) => tf.image.flipLeftRight(tf.reshape(x, [-1, 1, 3, 2]) as tf.Tensor4D),
  "every other element, backwards": ({ x }) => tf.stridedSlice(x, [0, 4], [1, 0], [1, -2], 1, 1),
};

describe("one graph computes every batch size as the reference does", () => {
  for (const [name, operation] of Object.entries(cases)) {
    test(`${name}`, async () => {
      const program: Program = {
        params: {},
        tables: {},
        inputs: {
          x: { shape: ["batch", 6], dtype: "float32" },
          ids: { shape: ["batch", 3], dtype: "int32" },
        },
        forward(scope) {
          const x = scope.input("x") as tf.Tensor2D;
          const ids = scope.input("ids") as tf.Tensor2D;
          return { outputs: { y: operation({ x, ids }) } };
        },
      };
      const compiled = await onnxRuntime().infer(program, {});
      const reference = await eagerRuntime("cpu").infer(program, {});
      for (const size of [1, 3, 8]) {
        const batch: Batch = {
          x: {
            shape: [size, 6],
            data: Float32Array.from({ length: size * 6 }, (_, i) => 2 * Math.sin(i * i + size)),
          },
          ids: {
            shape: [size, 3],
            data: Int32Array.from({ length: size * 3 }, (_, i) => (i * 7 + size) % 5),
          },
        };
        const actual = (await compiled.run(batch))["y"]!;
        const expected = (await reference.run(batch))["y"]!;
        expect(actual.shape).toEqual(expected.shape);
        expected.data.forEach((value, i) => {
          if (Number.isFinite(value)) expect(actual.data[i]).toBeCloseTo(value, 5);
          else expect(actual.data[i]).toBe(value);
        });
      }
      await compiled.dispose();
    });
  }
});
