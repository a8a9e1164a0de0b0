import { CorellaError } from "@corella/errors";
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

/** The catalogue of all items that a log knows, those of the attribute table without interactions included. */
export function catalogueFromLog(log: InteractionLog): Catalogue {
  return createCatalogue(log.items.ids.map((id, code) => [id, log.items.attributes[code]!]));
}

/**
 * Restores a catalogue from what `toJson` gave.
 * @throws CorellaError `config/invalid` for what is no catalogue of this version
 */
export function catalogueFromJson(json: unknown): Catalogue {
  const { version, items } = (json ?? {}) as Record<string, unknown>;
  if (version !== 1 || !Array.isArray(items)) throw noCatalogue("catalogue", "a catalogue of version 1");
  // By hand: a server reads it while it answers, and a schema takes ten times as long.
  const wrong = items.findIndex((item) => !isEntry(item));
  if (wrong >= 0) throw noCatalogue(`catalogue.items.${wrong}`, "an id and its attributes");
  return createCatalogue(items);
}

function isEntry(entry: unknown): boolean {
  if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== "string") return false;
  const attributes: unknown = entry[1];
  if (typeof attributes !== "object" || attributes === null || Array.isArray(attributes)) return false;
  return Object.values(attributes).every(
    (value) =>
      typeof value === "string" ||
      typeof value === "number" ||
      (Array.isArray(value) && value.every((part) => typeof part === "string")),
  );
}

function noCatalogue(place: string, expected: string): CorellaError {
  return new CorellaError({
    code: "config/invalid",
    message: `This is not ${expected}.`,
    place,
    remedy: "Give what toJson() of a catalogue gave.",
  });
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
