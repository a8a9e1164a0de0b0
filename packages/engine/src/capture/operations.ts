/** Importing this registers a kernel for every operation that programs may use. */
import "./elementwise.ts";
import "./reduction.ts";
import "./matrix.ts";
import "./layout.ts";
