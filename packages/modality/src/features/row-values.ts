import { codedRows, type CodedRows } from "../context.ts";
import { historyLength, historyOf, type InteractionLog } from "../log.ts";
import type { Field } from "./config.ts";
import { attributeNumber, entityText, ratingText, timePart } from "./values.ts";

/** Text of a categorical field by log row; a function so that nothing is stored by row. */
export function textByRow(log: InteractionLog, field: Field): (row: number) => string | undefined {
  if (field.source === "time.hour" || field.source === "time.weekday") {
    const source = field.source;
    return (row) => String(timePart(source, log.time[row]!));
  }
  const entity = entityOf(log, field);
  if (entity !== undefined) {
    const { codes } = entity;
    const texts = entity.ids.map((id, code) => entityText(field, id, entity.attributes[code]));
    return (row) => texts[codes[row]!];
  }
  return () => undefined;
}

/** Text of a history field by the log row of the event. */
export function eventTextByRow(log: InteractionLog, field: Field): (row: number) => string | undefined {
  if (field.source === "history.rating") {
    const texts = new Map<number, string>(); // few distinct ratings, and writing one as text takes long
    return (row) => {
      const rating = log.rating[row]!;
      let text = texts.get(rating);
      if (text === undefined) texts.set(rating, (text = ratingText(rating)));
      return text;
    };
  }
  if (field.source !== "history.item") return () => undefined;
  const texts = log.items.ids.map((id, code) => entityText(field, id, log.items.attributes[code]));
  return (row) => texts[log.item[row]!];
}

/** Number of a numeric field by log row. */
export function numberByRow(
  log: InteractionLog,
  field: Field,
  historyWindow: number,
): (row: number) => number | undefined {
  if (field.source === "history.length") return (row) => historyOf(log, row, historyWindow).length;
  if (field.source === "time.hour" || field.source === "time.weekday") {
    const source = field.source;
    return (row) => timePart(source, log.time[row]!);
  }
  if (field.source === "time.sinceLast") {
    const { time, userRows, historyEnd } = log;
    return (row) =>
      historyLength(log, row) === 0 ? undefined : time[row]! - time[userRows[historyEnd[row]! - 1]!]!;
  }
  if (field.source === "history.rating" || field.source === "history.item") return () => undefined;
  const { attribute, index } = field;
  if (attribute === undefined) return () => undefined;
  const { codes, attributes: rows } = entityOf(log, field)!;
  const numbers = rows.map((attributes) => attributeNumber(attributes, attribute, index));
  return (row) => numbers[codes[row]!];
}

/** The rows by user, item or context column, and what these have, of a field that speaks of them; undefined for all others. */
export function entityOf(log: InteractionLog, { source, attribute }: Field): CodedRows | undefined {
  if (source !== "user" && source !== "item" && source !== "context") return undefined;
  return codedRows(log, { source, attribute });
}
