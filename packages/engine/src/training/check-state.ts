import { CorellaError, nearestName } from "@corella/errors";
import type { Program, Values } from "../program/program.ts";
import type { Shapes } from "../program/values.ts";
import type { PendingGradients } from "../runtime/runtime.ts";

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
