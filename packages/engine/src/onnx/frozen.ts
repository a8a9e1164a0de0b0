import { freezeFrom } from "../precision/freeze-from.ts";
import type { Compile } from "./session.ts";
import { freeze, type FrozenParams } from "../precision/freeze.ts";
import type { Program, Values } from "../program/program.ts";
import type { FrozenOptions, TrainOptions } from "../runtime/runtime.ts";
import { frozenBy } from "../training/training-state.ts";
import { inMemory } from "../precision/weight-store.ts";
import { weightZeroPoint } from "./zero-point.ts";

/**
 * The zero point of 8-bit codes on this CPU. It is found out only where a precision is asked for: otherwise there are
 * no codes.
 */
export async function codesZeroPoint({ precision }: FrozenOptions, compile: Compile): Promise<0 | 128> {
  return precision === undefined ? 0 : weightZeroPoint(compile);
}

/** What a session holds of parameters that are not trained. */
export async function frozenParams(
  program: Program,
  values: Values,
  names: readonly string[],
  options: FrozenOptions,
  compile: Compile,
): Promise<FrozenParams> {
  const zeroPoint = await codesZeroPoint(options, compile);
  return freeze(program, values, names, options, zeroPoint);
}

/** What a session holds of the frozen parameters that `TrainOptions.frozen` reads; undefined where nothing is read. */
export async function readFrozen(
  program: Program,
  options: TrainOptions,
  compile: Compile,
): Promise<FrozenParams | undefined> {
  if (options.frozen === undefined) return undefined;
  const zeroPoint = await codesZeroPoint(options, compile);
  return freezeFrom(program, options.frozen, frozenBy(program, options), options, zeroPoint, inMemory);
}

/** Values without those of stored matrices, of which no float32 copy is kept. */
export function withoutStored(values: Values, { stored }: FrozenParams): Values {
  if (stored.size === 0) return values;
  return Object.fromEntries(Object.entries(values).filter(([name]) => !stored.has(name)));
}
