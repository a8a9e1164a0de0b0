import { CorellaError } from "@corella/errors";
import type { z } from "zod";
import { inside, outdatedKeys, outermost, tellsKinds, type Place } from "./places.ts";

type Mapping = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A copy with the value at a path such as `stages.joint.samples` or `features.0.minCount`; mappings that are not there
 * yet are made.
 * @throws CorellaError `config/set` when the path leads through a plain value or past the end of a list
 */
export function withSetting(content: unknown, path: string, value: unknown): unknown {
  return setAt(content, path.split("."), value, path, []);
}

/** A path such as `stages.joint.samples`, and the value that it is to have. */
export type Change = readonly [path: string, value: unknown];

/**
 * A copy with the values at their paths, in order. Where a change chooses another alternative of a union of the schema,
 * such as another `kind`, the keys that only the other alternatives have are dropped; not so keys that are among the changes.
 * @throws CorellaError `config/set` as `withSetting`
 */
export function withSettings(content: unknown, changes: readonly Change[], schema: z.ZodType): unknown {
  const places = outermost(schema);
  // Kinds first, whatever the order: only what was there before is dropped.
  const kinds = changes.filter(([path]) => {
    const keys = path.split(".");
    return tellsKinds(keys.slice(0, -1).reduce(inside, places), keys.at(-1)!);
  });
  let changed = content;
  for (const [path, value] of [...kinds, ...changes])
    changed = setAt(changed, path.split("."), value, path, places);
  return changed;
}

function setAt(
  content: unknown,
  keys: readonly string[],
  value: unknown,
  path: string,
  places: readonly Place[],
): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  const within = inside(places, key);
  if (Array.isArray(content) && /^\d+$/.test(key) && Number(key) < content.length)
    return content.with(Number(key), setAt(content[Number(key)], rest, value, path, within));
  if (isMapping(content) || content === undefined || content === null) {
    const changed = setAt((content as Mapping | undefined)?.[key], rest, value, path, within);
    return { ...withoutOutdated(content ?? {}, key, changed, places), [key]: changed };
  }
  throw new CorellaError({
    code: "config/set",
    message: `There is no ${JSON.stringify(key)} to set on the way of ${path}.`,
    place: path,
    remedy: "A path names keys of mappings and positions in lists, counted from 0.",
  });
}

/** A mapping without what loses its meaning when a key gets a value. */
function withoutOutdated(mapping: Mapping, key: string, value: unknown, places: readonly Place[]): Mapping {
  if (Object.is(mapping[key], value)) return mapping;
  const outdated = outdatedKeys(places, key, value);
  if (outdated.size === 0) return mapping;
  return Object.fromEntries(Object.entries(mapping).filter(([name]) => !outdated.has(name)));
}

/**
 * `content` with what `defaults` has besides; mappings are merged, all else of `content` stands as it is.
 * @param schema with it, defaults of another alternative of a union than the content's, such as another `kind`, are left out
 */
export function mergeUnder(content: unknown, defaults: unknown, schema?: z.ZodType): unknown {
  return merged(content, defaults, schema === undefined ? [] : outermost(schema));
}

function merged(content: unknown, defaults: unknown, places: readonly Place[]): unknown {
  if (content === undefined) return defaults;
  if (!isMapping(content) || !isMapping(defaults)) return content;
  let fitting = defaults;
  for (const [key, value] of Object.entries(content)) fitting = withoutOutdated(fitting, key, value, places);
  const both: Record<string, unknown> = { ...fitting };
  for (const [key, value] of Object.entries(content))
    both[key] = merged(value, fitting[key], inside(places, key));
  return both;
}
