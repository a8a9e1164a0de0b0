import { tf } from "../../program/tf.ts";
import { reshape, type KernelTable } from "../backend/kernel.ts";
import { transpose } from "./matrix.ts";
import { pad } from "./padding.ts";
import { slice } from "./slicing.ts";

const { getPermuted, getReshaped, getReshapedPermuted } = tf.backend_util;

/** Blocks of space moved into the batch or the channels, and back. */
export const blocksOfSpace: KernelTable = {
  /** Blocks of space, padded to whole ones, become rows of the batch. */
  SpaceToBatchND: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const blockShape = attributes["blockShape"] as number[];
    const product = tf.util.sizeFromShape(blockShape);
    const none: [number, number] = [0, 0];
    const paddings = [none, ...(attributes["paddings"] as [number, number][])];
    while (paddings.length < x.shape.length) paddings.push(none);
    const padded = pad(backend, x, paddings, 0);
    const blocks = reshape(backend, padded, getReshaped(padded.shape, blockShape, product, false));
    const order = getPermuted(blocks.shape.length, blockShape.length, false);
    const rows = transpose(backend, blocks, order);
    return reshape(backend, rows, getReshapedPermuted(padded.shape, blockShape, product, false));
  },

  /** The inverse of SpaceToBatchND, with the given crops. */
  BatchToSpaceND: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const blockShape = attributes["blockShape"] as number[];
    const crops = attributes["crops"] as number[][];
    const product = tf.util.sizeFromShape(blockShape);
    const blocks = reshape(backend, x, getReshaped(x.shape, blockShape, product));
    const space = transpose(backend, blocks, getPermuted(blocks.shape.length, blockShape.length));
    const shape = getReshapedPermuted(x.shape, blockShape, product);
    const begin = shape.map((_, axis) => crops[axis - 1]?.[0] ?? 0);
    const size = shape.map((length, axis) => length - begin[axis]! - (crops[axis - 1]?.[1] ?? 0));
    return slice(backend, reshape(backend, space, shape), begin, size);
  },

  /** x [batch, height, width, channels] -> [batch, height * block, width * block, channels / block^2]. */
  DepthToSpace: ({ inputs, attributes, backend }) => {
    const x = inputs["x"]!;
    const block = attributes["blockSize"] as number;
    const first = attributes["dataFormat"] === "NCHW";
    const [batch, height, width, depth] = (
      first ? [x.shape[0], x.shape[2], x.shape[3], x.shape[1]] : x.shape
    ) as [number, number, number, number];
    const channels = depth / block ** 2;
    const size = [height * block, width * block] as const;
    if (first) {
      const blocks = reshape(backend, x, [batch, block, block, channels, height, width]);
      const space = transpose(backend, blocks, [0, 3, 4, 1, 5, 2]);
      return reshape(backend, space, [batch, channels, ...size]);
    }
    const blocks = reshape(backend, x, [batch, height, width, block, block, channels]);
    return reshape(backend, transpose(backend, blocks, [0, 1, 3, 2, 4, 5]), [batch, ...size, channels]);
  },
};
