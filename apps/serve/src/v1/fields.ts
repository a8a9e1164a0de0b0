import { CorellaError } from "@corella/errors";
import type { Attributes } from "@corella/modality";
import { z } from "zod";

/** An id of a user or item. */
export const id: z.ZodString = z.string().min(1).max(1024);
const text = z.string().max(10_000);
/** A rating; all are kept as 32-bit floats. */
const greatestFloat = 3.4e38;
export const rating: z.ZodNumber = z.number().min(-greatestFloat).max(greatestFloat);
/** Attributes by name. */
export const attributes: z.ZodType<Attributes> = z
  .record(
    z.string().max(1024),
    z.union([text, z.number(), z.array(text).max(100)], {
      error: "expected text, a number, or a list of at most 100 texts",
    }),
  )
  .meta({ id: "Attributes" });
/** The times that data sources may hold, 1970 to 2100: it catches milliseconds. */
export const time: z.ZodNumber = z
  .number()
  .min(0)
  .max(4_102_444_800, "expected seconds since 1970, this is after 2100 (milliseconds?)");
/**
 * Refuses a list that is too long before the schema, which would look at every element.
 * @param name of the list in the request
 * @throws CorellaError `serve/too-many-samples`, `serve/too-many-events`, `serve/too-many-candidates`
 */
export function requireAtMost(most: number, name: "samples" | "events" | "candidates", list: unknown): void {
  if (!Array.isArray(list) || list.length <= most) return;
  throw new CorellaError({
    code: `serve/too-many-${name}`,
    message: `The request has ${list.length} ${name}, at most ${most} are allowed.`,
    place: name,
    remedy: "Send them in several requests.",
  });
}
