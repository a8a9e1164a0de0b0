import type { Context } from "hono";
import { z } from "zod";
import { parseChecked } from "../http/json-body.ts";

/** The most that a search finds. */
export const maxFound = 100;

/** What a search of users or items may say in its URL. */
export const searchQuerySchema: z.ZodObject<{
  query: z.ZodDefault<z.ZodString>;
  limit: z.ZodDefault<z.ZodCoercedNumber>;
}> = z.strictObject({
  query: z.string().max(200).default(""),
  limit: z.coerce.number().int().min(1).max(maxFound).default(20),
});

/** A search of users or items. */
export interface SearchQuery {
  /** A part of an id or title; empty: some of all. */
  readonly query: string;
  readonly limit: number;
}

/**
 * Reads the URL of a search.
 * @throws CorellaError `serve/bad-field`, `serve/unknown-field`
 */
export function parseSearch(c: Context): SearchQuery {
  return parseChecked(searchQuerySchema, c.req.query());
}
