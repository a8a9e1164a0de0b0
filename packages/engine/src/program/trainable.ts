import type { Program } from "./program.ts";

/** Parameters without an optimiser, which a training step leaves alone. */
export function frozenNames(program: Program, trainable: ReadonlySet<string>): string[] {
  return Object.keys(program.params).filter(
    (name) => !trainable.has(name) && program.params[name]!.trainable !== false,
  );
}

/** Parameters and tables that may have a gradient and that are accepted. */
export function trainableNames(program: Program, accept: (name: string) => boolean): ReadonlySet<string> {
  const names = [...Object.keys(program.params), ...Object.keys(program.tables)];
  return new Set(names.filter((name) => program.params[name]?.trainable !== false && accept(name)));
}
