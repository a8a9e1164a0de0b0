import type { KernelTable } from "../backend/kernel.ts";
import { arithmetic } from "./arithmetic.ts";
import { blocksOfSpace } from "./blocks.ts";
import { comparison } from "./comparison.ts";
import { convolution } from "./convolution.ts";
import { creation } from "./creation.ts";
import { cumulative } from "./cumulative.ts";
import { einsum } from "./einsum.ts";
import { fused } from "./fused.ts";
import { gather } from "./gather.ts";
import { layout } from "./layout.ts";
import { matrix } from "./matrix.ts";
import { normalization } from "./normalization.ts";
import { padding } from "./padding.ts";
import { pooling } from "./pooling.ts";
import { reduction } from "./reduction.ts";
import { scatter } from "./scatter.ts";
import { slicing } from "./slicing.ts";
import { sorting } from "./sorting.ts";
import { unary } from "./unary.ts";

/** The operations that programs may use, family by family, by the names of their tfjs kernels. No name comes twice. */
export const families: readonly KernelTable[] = [
  arithmetic,
  blocksOfSpace,
  comparison,
  convolution,
  creation,
  cumulative,
  einsum,
  fused,
  gather,
  layout,
  matrix,
  normalization,
  padding,
  pooling,
  reduction,
  scatter,
  slicing,
  sorting,
  unary,
];
