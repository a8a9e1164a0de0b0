import { randomUUID } from "node:crypto";
import { maxEvents, type NewEvent } from "@corella/store";
import { z } from "zod";
import { requireKnownNames } from "../deployment/sample.ts";
import { parseChecked, parseJson } from "../http/json-body.ts";
import { attributes, id, rating, requireAtMost, time } from "./fields.ts";

const eventFields = {
  id: z.string().min(1).max(128).optional(),
  user: id,
  item: id,
  rating,
  label: z.union([z.literal(0), z.literal(1)]).optional(),
  time: time.optional(),
  context: attributes.optional(),
  userAttributes: attributes.optional(),
  itemAttributes: attributes.optional(),
};
const oneSchema = z.strictObject(eventFields).meta({ id: "Event" });
const listSchema = z.strictObject({ events: z.array(oneSchema).min(1).max(maxEvents) });

/** One event, or a list of them. */
export const eventsRequestSchema: z.ZodType = z.union([oneSchema, listSchema]).meta({ id: "EventsRequest" });

/**
 * Reads the body of a request that brings events: one, or a list. One without an id gets an id, which nobody can repeat.
 * @param knownContext the names of context that the bundle's data have
 * @throws CorellaError `serve/bad-json`, `serve/unknown-field`, `serve/bad-field`, `serve/too-many-events`
 */
export function parseEventsRequest(body: ArrayBuffer, knownContext: readonly string[]): NewEvent[] {
  const json = parseJson(body);
  const isList = typeof json === "object" && json !== null && "events" in json;
  if (isList) requireAtMost(maxEvents, "events", json.events);
  const events = isList
    ? parseChecked(listSchema, json).events
    : [parseChecked(oneSchema, json, { known: eventsRequestSchema })];
  for (const [index, { context = {} }] of events.entries())
    requireKnownNames([context], { known: knownContext, path: isList ? ["events", index] : [] });
  return events.map((event) => ({ ...event, id: event.id ?? randomUUID() }));
}
