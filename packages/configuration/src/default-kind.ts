import { z } from "zod";

/**
 * A union whose alternatives are told apart by `kind`, which may be left out.
 * @param kind the one that is meant then, or what chooses it by the other keys
 */
export function defaultKind<Output>(
  union: z.ZodType<Output>,
  kind: string | ((keys: readonly string[]) => string),
): z.ZodType<Output, unknown> {
  return z.preprocess((value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value) || "kind" in value) return value;
    return { kind: typeof kind === "string" ? kind : kind(Object.keys(value)), ...value };
  }, union);
}
