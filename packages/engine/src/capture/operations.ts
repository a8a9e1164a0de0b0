/** Importing this registers a kernel for every operation that programs may use. */
import "./arithmetic.ts";
import "./blocks.ts";
import "./comparison.ts";
import "./creation.ts";
import "./cumulative.ts";
import "./einsum.ts";
import "./gather.ts";
import "./layout.ts";
import "./matrix.ts";
import "./normalization.ts";
import "./padding.ts";
import "./reduction.ts";
import "./scatter.ts";
import "./slicing.ts";
import "./sorting.ts";
import "./unary.ts";
