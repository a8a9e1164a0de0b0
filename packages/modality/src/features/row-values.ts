import { type Attributes, historyLength, historyOf, type InteractionLog } from "../log.ts";
import type { Field } from "./config.ts";
import { attributeNumber, entityText, ratingText, timePart } from "./values.ts";

/** Text of a categorical field by log row; a function so that nothing is stored by row. */
export function textByRow(log: InteractionLog, field: Field): (row: number) => string | undefined {
  if (field.source === "time.hour" || field.source === "time.weekday") {
    const source = field.source;
    return (row) => String(timePart(source, log.time[row]!));
  }
  if (field.source === "user" || field.source === "item") {
    const [codes, table] = field.source === "user" ? [log.user, log.users] : [log.item, log.items];
    const texts = table.ids.map((id, code) => entityText(field, id, table.attributes[code]));
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
  const [codes, table] = field.source === "user" ? [log.user, log.users] : [log.item, log.items];
  const numbers = table.attributes.map((attributes) => attributeNumber(attributes, attribute, index));
  return (row) => numbers[codes[row]!];
}

/** The codes by row, and the attributes by code, of the entity that a `user.*` or `item.*` field speaks of. */
export function entityOf(
  log: InteractionLog,
  field: Field,
): { codes: Int32Array; ids: readonly string[]; attributes: readonly Attributes[] } | undefined {
  if (field.source === "user")
    return { codes: log.user, ids: log.users.ids, attributes: log.users.attributes };
  if (field.source === "item")
    return { codes: log.item, ids: log.items.ids, attributes: log.items.attributes };
  return undefined;
}
