import { CorellaError, nearestName } from "@corella/errors";
import type { Program, Values } from "../program/program.ts";
import type { PendingGradients } from "../runtime/runtime.ts";

type Shapes = Readonly<Record<string, readonly number[]>>;

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

/** Whether a state has the arrays that a trainer wants, and no others. */
export function checkFit(wanted: Values, given: Values, what: string): void {
  for (const [name, array] of Object.entries(wanted)) {
    const from = given[name];
    if (from === undefined) throw unfit(`its ${what} lack ${name}`, name);
    if (from.length !== array.length)
      throw unfit(`${name} has ${from.length} elements there and ${array.length} here`, name);
  }
  for (const name of Object.keys(given)) {
    if (wanted[name] !== undefined) continue;
    const near = nearestName(name, Object.keys(wanted));
    const hint = near === undefined ? "" : ` (${near}?)`;
    throw unfit(`its ${what} hold ${name}, which is not here${hint}`, name);
  }
}

/** Shapes as far as the state knows them; one that was saved without its shape is a flat list. */
export function checkShapes(wanted: Shapes, given: Shapes): void {
  for (const [name, shape] of Object.entries(wanted)) {
    const other = given[name];
    if (other === undefined || other.length === 1 || other.join() === shape.join()) continue;
    throw unfit(`${name} has the shape [${other.join(", ")}] there and [${shape.join(", ")}] here`, name);
  }
}

export function checkPending(
  pending: readonly PendingGradients[],
  program: Pick<Program, "tables">,
  values: Values,
): void {
  for (const { dense, lookups } of pending) {
    for (const [name, gradient] of Object.entries(dense)) {
      if (values[name]?.length !== gradient.length)
        throw unfit(`its accumulated gradient of ${name} does not fit`, name);
    }
    for (const { table, ids, gradient } of lookups) {
      if (ids.length * (program.tables[table]?.dim ?? Number.NaN) !== gradient.length)
        throw unfit(`its accumulated gradient of ${table} does not fit`, table);
    }
  }
}

export function unfit(reason: string, place?: string): CorellaError {
  return new CorellaError({
    code: "engine/state",
    message: `The checkpoint does not fit the program: ${reason}.`,
    place,
    remedy: "Resume with the configuration the checkpoint was written with.",
  });
}
