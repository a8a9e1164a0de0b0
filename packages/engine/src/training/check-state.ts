import { CorellaError, nearestName } from "@corella/errors";
import type { Program, Values } from "../program/program.ts";
import type { Shapes } from "../program/values.ts";
import type { PendingGradients } from "../runtime/runtime.ts";

/**
 * Refuses a state that lacks an array that a trainer wants, or has another.
 * @param what the arrays are, for the message
 * @throws CorellaError `engine/state`
 */
export function checkArrays(wanted: Values, given: Values, what: string): void {
  for (const [name, array] of Object.entries(wanted)) {
    const from = given[name];
    if (from === undefined) throw stateError(`its ${what} lack ${name}`, name);
    if (from.length !== array.length)
      throw stateError(`${name} has ${from.length} elements there and ${array.length} here`, name);
  }
  for (const name of Object.keys(given)) {
    if (wanted[name] !== undefined) continue;
    const near = nearestName(name, Object.keys(wanted));
    const hint = near === undefined ? "" : ` (${near}?)`;
    throw stateError(`its ${what} hold ${name}, which is not here${hint}`, name);
  }
}

/**
 * Refuses a state whose values have other shapes, as far as it knows them: one that was saved without its shape is a
 * flat list.
 * @throws CorellaError `engine/state`
 */
export function checkShapes(wanted: Shapes, given: Shapes): void {
  for (const [name, shape] of Object.entries(wanted)) {
    const other = given[name];
    if (other === undefined || other.length === 1 || other.join() === shape.join()) continue;
    throw stateError(
      `${name} has the shape [${other.join(", ")}] there and [${shape.join(", ")}] here`,
      name,
    );
  }
}

/** Refuses accumulated gradients that do not fit the program. @throws CorellaError `engine/state` */
export function checkPending(
  pending: readonly PendingGradients[],
  program: Pick<Program, "tables">,
  values: Values,
): void {
  for (const { dense, lookups } of pending) {
    for (const [name, gradient] of Object.entries(dense)) {
      if (values[name]?.length !== gradient.length)
        throw stateError(`its accumulated gradient of ${name} does not fit`, name);
    }
    for (const { table, ids, gradient } of lookups) {
      if (ids.length * (program.tables[table]?.dim ?? Number.NaN) !== gradient.length)
        throw stateError(`its accumulated gradient of ${table} does not fit`, table);
    }
  }
}

/** An error `engine/state`: a state is not one of this program and these options. */
export function stateError(reason: string, place?: string): CorellaError {
  return new CorellaError({
    code: "engine/state",
    message: `The checkpoint does not fit the program: ${reason}.`,
    place,
    remedy: "Resume with the configuration the checkpoint was written with.",
  });
}
