import { CorellaError } from "@corella/errors";
import type { Attributes } from "@corella/modality";
import { z } from "zod";

/** One interaction as it is appended to a store. */
export interface StoreEvent {
  /** Tells it from the user's other events: the same id again is a repeat, which changes nothing. 1 to 128 characters. */
  readonly id: string;
  readonly user: string;
  readonly item: string;
  readonly rating: number;
  /** Whether it was positive, 0 or 1. Left out: a bundle says from which rating on. */
  readonly label?: 0 | 1 | undefined;
  /** Seconds since 1970. */
  readonly time: number;
  /** Values of the interaction itself, such as its device, by name. */
  readonly context?: Attributes | undefined;
  /** Left out: those that a bundle knows of the user. */
  readonly userAttributes?: Attributes | undefined;
  /** Kept for the item's later events, and for samples of it. Left out: those that earlier events brought. */
  readonly itemAttributes?: Attributes | undefined;
}

/** An event in the order in which a store took them. */
export interface LoggedEvent extends StoreEvent {
  /** 1 of the first event of a store, and one more of each that follows. */
  readonly position: number;
}

/** The most events of one call of `append`. */
export const maxEvents = 1000;

const maxText = 10_000;
const control = /[\p{Cc}\p{Cs}]/u;
const name = (most: number): z.ZodType<string> =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((text) => !control.test(text), "expected no control characters and no half of a surrogate pair");
const text = z.string().max(maxText);
const attributes: z.ZodType<Attributes> = z
  .record(z.string().max(1024), z.union([text, z.number(), z.array(text).max(100)]))
  .refine((values) => Object.keys(values).length <= 100, "expected at most 100 attributes");

/** An event as it may come from outside: JSON, checked strictly. */
export const storeEventSchema: z.ZodType<StoreEvent> = z.strictObject({
  id: name(128),
  user: name(1024),
  item: name(1024),
  rating: z.number(),
  label: z.union([z.literal(0), z.literal(1)]).optional(),
  // What data sources may hold, 1970 to 2100: it catches milliseconds.
  time: z
    .number()
    .min(0)
    .max(4_102_444_800, "expected seconds since 1970, this is after 2100 (milliseconds?)"),
  context: attributes.optional(),
  userAttributes: attributes.optional(),
  itemAttributes: attributes.optional(),
});

/**
 * Checks events before they are written.
 * @throws CorellaError `store/bad-event` with the place of the first mistake, `store/too-many-events`
 */
export function checkEvents(events: readonly StoreEvent[]): void {
  if (events.length > maxEvents) {
    throw new CorellaError({
      code: "store/too-many-events",
      message: `${events.length} events are to be appended at once, at most ${maxEvents} are allowed.`,
      place: "events",
      remedy: "Append them in several calls.",
    });
  }
  for (const [index, event] of events.entries()) {
    const parsed = storeEventSchema.safeParse(event);
    if (parsed.success) continue;
    const issue = parsed.error.issues[0]!;
    const path = issue.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`));
    throw badEvent(
      `events[${index}]${path.join("")}`,
      issue.message.replace(/^Invalid (input|option): /, ""),
    );
  }
}

/** The error of an event that cannot be appended. */
export function badEvent(place: string, problem: string): CorellaError {
  return new CorellaError({
    code: "store/bad-event",
    message: `${place}: ${problem}.`,
    place,
    remedy: "Correct the event and append it again; nothing of the call was written.",
  });
}
