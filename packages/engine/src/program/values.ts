import { CorellaError } from "@corella/errors";
import { initialize } from "./initializers.ts";
import type { Program, Values } from "./program.ts";

/** Shapes of parameters and tables by name. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/** Shapes of all parameters and tables. */
export function shapesOf(program: Pick<Program, "params" | "tables">): Shapes {
  const params = Object.entries(program.params).map(([name, { shape }]) => [name, shape] as const);
  const tables = Object.entries(program.tables).map(([name, { rows, dim }]) => [name, [rows, dim]] as const);
  return Object.fromEntries([...params, ...tables]);
}

/**
 * The values of a parameter or table.
 * @throws CorellaError `engine/shape` when there are none, or not as many as the shape takes
 */
export function requireValue(
  name: string,
  shape: readonly number[],
  data: Float32Array | undefined,
): Float32Array {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  if (data?.length === size) return data;
  throw new CorellaError({
    code: "engine/shape",
    message:
      data === undefined
        ? `There are no values of ${name}.`
        : `The values of ${name} have ${data.length} elements, its shape [${shape.join(", ")}] has ${size}.`,
    place: name,
    remedy: "Use weights that were saved from a model with this configuration.",
  });
}

/**
 * First values of all parameters and tables, each from its own random stream.
 * @param given values that are taken as they are; the arrays are not copied
 * @throws CorellaError `engine/shape` for a given value of another size, `engine/initializer`
 */
export function initialValues(
  program: Pick<Program, "params" | "tables">,
  seed: number,
  given: Values = {},
): Values {
  const values: Values = {};
  for (const [name, spec] of Object.entries(program.params)) {
    const data = given[name];
    values[name] =
      data === undefined
        ? initialize(spec.init, spec.shape, seed, name)
        : requireValue(name, spec.shape, data);
  }
  for (const [name, spec] of Object.entries(program.tables)) {
    const shape = [spec.rows, spec.dim];
    const data = given[name];
    const table =
      data === undefined ? initialize(spec.init, shape, seed, name) : requireValue(name, shape, data);
    if (data === undefined && spec.paddingRow !== false) table.fill(0, 0, spec.dim);
    values[name] = table;
  }
  return values;
}
