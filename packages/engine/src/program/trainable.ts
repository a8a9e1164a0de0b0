import type { Program } from "./program.ts";

/** Names of parameters that a training step leaves alone: those that may have an optimiser and have none. */
export function frozenNames(program: Program, trainable: ReadonlySet<string>): string[] {
  return Object.keys(program.params).filter(
    (name) => !trainable.has(name) && program.params[name]!.trainable !== false,
  );
}

/** Names of parameters and tables that may have a gradient and that `accept` takes. */
export function trainableNames(program: Program, accept: (name: string) => boolean): ReadonlySet<string> {
  const names = [...Object.keys(program.params), ...Object.keys(program.tables)];
  return new Set(names.filter((name) => program.params[name]?.trainable !== false && accept(name)));
}
