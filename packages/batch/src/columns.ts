import type { Bundle } from "@corella/bundle";
import { CorellaError, nearestName } from "@corella/errors";
import { z } from "zod";

const names = z.record(z.string(), z.string());

/** Which column holds what of a row. */
export interface Columns {
  readonly user?: string | undefined;
  readonly item: string;
  readonly time?: string | undefined;
  /** Columns by the name of a value of the interaction itself. */
  readonly context: Readonly<Record<string, string>>;
  /** Columns by the name of an attribute. */
  readonly userAttributes: Readonly<Record<string, string>>;
  readonly itemAttributes: Readonly<Record<string, string>>;
}

/** What a plan says of columns. */
export const columnsSchema: z.ZodType<Columns> = z.strictObject({
  user: z.string().optional(),
  item: z.string(),
  time: z.string().optional(),
  context: names,
  userAttributes: names,
  itemAttributes: names,
});

/**
 * Finds what a bundle can use among the columns of a file: `user`, `item`, `time`, the bundle's context by its names, and attributes as
 * `user.country` and `item.year`. All others are left alone.
 * @param chosen other names for user, item and time
 * @throws CorellaError `batch/columns` where one is not there
 */
export function mapColumns(
  all: readonly string[],
  path: string,
  chosen: { readonly user?: string; readonly item?: string; readonly time?: string },
  { context = {} }: Pick<Bundle, "context">,
): Columns {
  const named = (what: "user" | "item" | "time"): string | undefined => {
    const name = chosen[what] ?? what;
    if (all.includes(name)) return name;
    // Nobody said that it is there.
    if (chosen[what] === undefined && what !== "item") return undefined;
    const near = nearestName(name, all);
    throw new CorellaError({
      code: "batch/columns",
      message: `There is no column "${name}" for the ${what}.`,
      place: path,
      remedy: `${near === undefined ? "" : `Did you mean "${near}"? `}Its columns are ${all.slice(0, 20).join(", ")}.`,
    });
  };
  const attributes = (prefix: string): Record<string, string> =>
    Object.fromEntries(
      all.filter((name) => name.startsWith(prefix)).map((name) => [name.slice(prefix.length), name]),
    );
  const [user, item, time] = [named("user"), named("item"), named("time")];
  return {
    ...(user !== undefined && { user }),
    item: item!,
    ...(time !== undefined && { time }),
    context: Object.fromEntries(
      Object.keys(context)
        .filter((name) => all.includes(name))
        .map((name) => [name, name]),
    ),
    userAttributes: attributes("user."),
    itemAttributes: attributes("item."),
  };
}

/** Columns that are none of those that were found. */
export function unreadColumns(all: readonly string[], found: Columns): string[] {
  const { user, item, time, context, userAttributes, itemAttributes } = found;
  const read = new Set([
    user,
    item,
    time,
    ...[context, userAttributes, itemAttributes].flatMap((named) => Object.values(named)),
  ]);
  return all.filter((name) => !read.has(name));
}
