import { attributeList, attributeNumber, entityText } from "../features/values.ts";
import { codedRows } from "../context.ts";
import type { Attributes, InteractionLog } from "../log.ts";
import type { Dimension } from "./config.ts";
import type { Span } from "./tallies.ts";

/** What a user or item has along a dimension: its id, a value of an attribute or its stretch, or each value of a list once. */
export function valuesAlong(
  dimension: Dimension,
  id: string | undefined,
  attributes: Attributes | undefined,
): readonly string[] {
  if (dimension.attribute !== undefined && dimension.width !== undefined) {
    const value = attributeNumber(attributes, dimension.attribute, undefined);
    return value === undefined ? [] : [String(stretchOf(value, dimension.width))];
  }
  if (dimension.attribute !== undefined && dimension.index === undefined) {
    const values = attributeList(attributes, dimension.attribute);
    return values.length < 2 ? values : [...new Set(values)];
  }
  const text = entityText(dimension, id, attributes);
  return text === undefined ? [] : [text];
}

/** The stretch of a width that a number lies in, as decimals have it: 0.6 / 0.1 is 6, not 5.999999999999999. */
function stretchOf(value: number, width: number): number {
  return Math.floor(Number((value / width).toPrecision(12)));
}

/** The values of a log along a dimension as codes. */
export interface CodedDimension {
  /** By code. */
  readonly names: readonly string[];
  /** What a row of the log has, into a span. */
  readonly spanOf: (row: number, span: Span) => void;
}

/** Codes a dimension of a log: ids have the log's codes, values of attributes are numbered as they are met. */
export function codeDimension(dimension: Dimension, log: InteractionLog): CodedDimension {
  const { codes: entity, ...table } = codedRows(log, dimension);
  if (dimension.attribute === undefined) {
    const codes = Int32Array.from(table.ids, (_, code) => code);
    return {
      names: table.ids,
      spanOf(row, span) {
        span.codes = codes;
        span.start = entity[row]!;
        span.end = span.start + 1;
      },
    };
  }
  const byName = new Map<string, number>();
  const offsets = new Uint32Array(table.ids.length + 1);
  const found: number[] = [];
  for (const [code, id] of table.ids.entries()) {
    for (const value of valuesAlong(dimension, id, table.attributes[code])) {
      let known = byName.get(value);
      if (known === undefined) byName.set(value, (known = byName.size));
      found.push(known);
    }
    offsets[code + 1] = found.length;
  }
  const codes = Int32Array.from(found);
  return {
    names: [...byName.keys()],
    spanOf(row, span) {
      span.codes = codes;
      span.start = offsets[entity[row]!]!;
      span.end = offsets[entity[row]! + 1]!;
    },
  };
}
