import type { PublicSymbol } from "./public-symbols.ts";

/** An `@example` of a doc comment. */
export interface DocExample {
  /** The function or class that it shows. */
  readonly name: string;
  /** The package, for example `packages/routing`. */
  readonly folder: string;
  readonly code: string;
  /** What its comments say that it prints, line by line. */
  readonly printed: readonly string[];
}

/** The examples in the doc comments of what packages export. */
export function examplesOf(symbols: readonly PublicSymbol[]): readonly DocExample[] {
  return symbols.flatMap(({ name, file, comment = "" }) =>
    [...comment.matchAll(/^@example\n```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => ({
      name,
      folder: file.split("/").slice(0, 2).join("/"),
      code: code!,
      printed: [...code!.matchAll(/console\.log.*; \/\/ (.*)/g)].map((match) => match[1]!),
    })),
  );
}
