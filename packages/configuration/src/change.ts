import { CorellaError } from "@corella/errors";

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
  return setAt(content, path.split("."), value, path);
}

function setAt(content: unknown, keys: readonly string[], value: unknown, path: string): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  if (Array.isArray(content) && /^\d+$/.test(key) && Number(key) < content.length)
    return content.with(Number(key), setAt(content[Number(key)], rest, value, path));
  if (isMapping(content) || content === undefined || content === null)
    return { ...content, [key]: setAt((content as Mapping | undefined)?.[key], rest, value, path) };
  throw new CorellaError({
    code: "config/set",
    message: `There is no ${JSON.stringify(key)} to set on the way of ${path}.`,
    place: path,
    remedy: "A path names keys of mappings and positions in lists, counted from 0.",
  });
}

/** `content` with what `defaults` has besides; mappings are merged, all else of `content` stands as it is. */
export function mergeUnder(content: unknown, defaults: unknown): unknown {
  if (content === undefined) return defaults;
  if (!isMapping(content) || !isMapping(defaults)) return content;
  const merged: Record<string, unknown> = { ...defaults };
  for (const [key, value] of Object.entries(content)) merged[key] = mergeUnder(value, defaults[key]);
  return merged;
}
