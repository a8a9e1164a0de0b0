import { z } from "zod";

/** What a schema says of one place of a configuration: the part of JSON Schema that is read here. */
export interface Place {
  readonly properties?: Readonly<Record<string, Place>>;
  /** Of a record whose keys are names of a list. */
  readonly propertyNames?: { readonly enum?: readonly string[] };
  readonly items?: Place;
  readonly anyOf?: readonly Place[];
  readonly oneOf?: readonly Place[];
  readonly allOf?: readonly Place[];
  readonly const?: unknown;
}

/** A large schema takes a while to describe, and is asked for again with every configuration. */
const described = new WeakMap<z.ZodType, readonly Place[]>();

/** A schema's outermost place, and the alternatives of it. */
export function outermost(schema: z.ZodType): readonly Place[] {
  const known = described.get(schema);
  if (known !== undefined) return known;
  const places = alternatives(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Place);
  described.set(schema, places);
  return places;
}

/** What may stand at a key of a mapping, or at a position of a list, that these places describe. */
export function inside(places: readonly Place[], key: string): readonly Place[] {
  return places
    .flatMap(({ properties, items }) => [properties?.[key], /^\d+$/.test(key) ? items : undefined])
    .filter((place) => place !== undefined)
    .flatMap(alternatives);
}

/** The setting names that are valid at some places. */
export function keysOf(places: readonly Place[]): string[] {
  return places.flatMap(({ properties, propertyNames }) => [
    ...Object.keys(properties ?? {}),
    ...(propertyNames?.enum ?? []),
  ]);
}

function alternatives(place: Place): Place[] {
  const inner = [...(place.anyOf ?? []), ...(place.oneOf ?? []), ...(place.allOf ?? [])];
  return [place, ...inner.flatMap(alternatives)];
}

/** The alternatives whose kind is that of a value; all where the value says none that there is. */
export function fittingKinds(places: readonly Place[], value: unknown): readonly Place[] {
  const given = (typeof value === "object" && value !== null ? value : {}) as Readonly<
    Record<string, unknown>
  >;
  const differs = ({ properties }: Place): boolean =>
    Object.entries(properties ?? {}).some(
      ([key, { const: kind }]) => kind !== undefined && key in given && given[key] !== kind,
    );
  const fitting = places.filter((place) => !differs(place));
  return fitting.some(({ properties }) => properties !== undefined) ? fitting : places;
}

/** Whether a key tells the alternatives of a union apart, as `kind` often does: several name a value for it. */
export function tellsKinds(places: readonly Place[], key: string): boolean {
  return places.filter(({ properties }) => properties?.[key]?.const !== undefined).length > 1;
}

/**
 * The keys that have no meaning any more once a mapping has a key with a value: other alternatives of a union know them, and
 * those that the value chooses do not. Keys that none knows are not among them, for they are mistakes.
 * @param places alternatives of the mapping
 */
export function outdatedKeys(places: readonly Place[], key: string, value: unknown): ReadonlySet<string> {
  const mappings = places.filter(({ properties }) => properties !== undefined);
  const kindKeys = new Set(keysOf(mappings).filter((name) => tellsKinds(mappings, name)));
  // Where a kind is said, nothing but the kind chooses.
  if (kindKeys.size > 0 && !kindKeys.has(key)) return new Set();
  const isChosen = ({ properties }: Place): boolean => {
    const there = properties?.[key];
    if (there === undefined) return false;
    return kindKeys.has(key) ? there.const === value : there.const === undefined || there.const === value;
  };
  const chosen = mappings.filter(isChosen);
  if (chosen.length === 0) return new Set();
  const kept = new Set(keysOf(chosen));
  return new Set(keysOf(mappings).filter((name) => !kept.has(name)));
}
