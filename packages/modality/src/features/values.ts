import { type Attributes, type AttributeValue, decimalRating } from "../log.ts";
import type { Field } from "./config.ts";

const secondsPerHour = 3600;
const secondsPerDay = 86_400;
const thursday = 4; // 1970-01-01

/** An attribute as text: a list's element at `index`; undefined when missing, and for a list without an index. */
function attributeText(
  attributes: Attributes | undefined,
  attribute: string,
  index: number | undefined,
): string | undefined {
  const value = ownValue(attributes, attribute);
  if (value === undefined) return undefined;
  if (typeof value === "string" || typeof value === "number") {
    return index === undefined || index === 0 ? String(value) : undefined;
  }
  return index === undefined ? undefined : value[index];
}

/** An attribute as number; text that is a number counts; undefined when missing. */
export function attributeNumber(
  attributes: Attributes | undefined,
  attribute: string,
  index: number | undefined,
): number | undefined {
  const text = attributeText(attributes, attribute, index);
  if (text === undefined || text.trim() === "") return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** An attribute as list; one value is a list of one. */
export function attributeList(attributes: Attributes | undefined, attribute: string): readonly string[] {
  const value = ownValue(attributes, attribute);
  if (value === undefined) return [];
  return typeof value === "string" || typeof value === "number" ? [String(value)] : value;
}

/** A rating as the value of a vocabulary: `4.1`, though 32-bit floats hold 4.099999904632568. */
export function ratingText(rating: number): string {
  return String(decimalRating(rating));
}

/** UTC hour 0..23 or weekday 0 (Sunday)..6 of a time in seconds. */
export function timePart(source: "time.hour" | "time.weekday", time: number): number {
  if (source === "time.hour") return Math.floor(modulo(time, secondsPerDay) / secondsPerHour);
  return modulo(Math.floor(time / secondsPerDay) + thursday, 7);
}

function modulo(a: number, b: number): number {
  return ((a % b) + b) % b;
}

/** The text of a user's or item's own field: its id or an attribute of it. */
export function entityText(
  field: Field,
  id: string | undefined,
  attributes: Attributes | undefined,
): string | undefined {
  return field.attribute === undefined ? id : attributeText(attributes, field.attribute, field.index);
}

/** Attributes may come from requests: an attribute called `constructor` is not inherited. */
function ownValue(attributes: Attributes | undefined, name: string): AttributeValue | undefined {
  return attributes !== undefined && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}
