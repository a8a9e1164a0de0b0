import { CorellaError } from "@corella/errors";
import type { Regularizers } from "../program.ts";

/**
 * What FuxiCTR's `embedding_regularizer` and `net_regularizer` say, or FM's `regularizer`: a number or `l2(number)`.
 * @throws CorellaError `crm/fuxictr`
 */
export function fromFuxiCtrRegularizers(config: Readonly<Record<string, unknown>>): Regularizers {
  const read = (parameter: string): number => {
    const place = config[parameter] === undefined ? "regularizer" : parameter;
    const value = config[place] ?? 0;
    const lambda = typeof value === "string" ? Number(/^l2\((.+)\)$/.exec(value)?.[1]) : value;
    if (typeof lambda === "number" && lambda >= 0) return lambda;
    throw new CorellaError({
      code: "crm/fuxictr",
      message: `FuxiCTR's regulariser ${JSON.stringify(value)} has no counterpart.`,
      place,
      remedy: "Use a number or l2(number).",
    });
  };
  return { embedding: read("embedding_regularizer"), net: read("net_regularizer") };
}
