import { z } from "zod";
import { parseWith } from "./config.ts";
import type { Attributes, InteractionLog } from "./log.ts";

/** The items that are known when serving, with their attributes; goes into the bundle. */
export interface Catalogue {
  readonly ids: readonly string[];
  has(id: string): boolean;
  attributesOf(id: string): Attributes | undefined;
  toJson(): CatalogueJson;
}

/** A catalogue as a file holds it. */
export interface CatalogueJson {
  version: 1;
  items: [id: string, attributes: Attributes][];
}

/** Checks a catalogue that was read from a file. */
export const catalogueJsonSchema: z.ZodType<CatalogueJson> = z.strictObject({
  version: z.literal(1),
  items: z.array(
    z.tuple([z.string(), z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())]))]),
  ),
});

/** The catalogue of all items that a log knows, those of the attribute table without interactions included. */
export function catalogueFromLog(log: InteractionLog): Catalogue {
  return createCatalogue(log.items.ids.map((id, code) => [id, log.items.attributes[code]!]));
}

/**
 * Restores a catalogue from what `toJson` gave.
 * @throws CorellaError `config/invalid` for what is no catalogue of this version
 */
export function catalogueFromJson(json: CatalogueJson): Catalogue {
  return createCatalogue(parseWith(catalogueJsonSchema, json, "catalogue").items);
}

/** A catalogue of items; of an id that stands twice the last attributes count. */
export function createCatalogue(
  items: readonly (readonly [id: string, attributes: Attributes])[],
): Catalogue {
  const byId = new Map<string, Attributes>(items);
  const ids = [...byId.keys()];
  return {
    ids,
    has: (id) => byId.has(id),
    attributesOf: (id) => byId.get(id),
    toJson: () => ({ version: 1, items: [...byId] }),
  };
}
