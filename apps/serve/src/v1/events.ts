import { CorellaError } from "@corella/errors";
import { requireRatings } from "@corella/modality";
import { z } from "zod";
import type { Deployments } from "../deployment/deployments.ts";
import { jsonBody } from "../http/body.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { takeSamples } from "../security/security.ts";
import { eventsRequestSchema, parseEventsRequest } from "./events-request.ts";

const responseSchema = z
  .strictObject({ added: z.int().nonnegative(), repeated: z.int().nonnegative() })
  .meta({ id: "EventsAnswer" });

/** Takes what users did. */
export function eventsEndpoint(deployments: Deployments): Endpoint {
  return {
    method: "POST",
    path: "/v1/events",
    scope: "events",
    purpose: "what users did: durable, and known to the next score",
    request: eventsRequestSchema,
    example() {
      const { item, history = [] } = deployments.of(undefined).example;
      return { id: "click-1", user: "42", item, rating: history[0]?.rating ?? 1 };
    },
    response: responseSchema,
    problems: [
      "serve/too-many-events",
      "record/rating",
      "store/bad-event",
      "serve/no-store",
      "serve/store-down",
    ],
    async handle(c) {
      const { events, info } = deployments.of(undefined);
      if (events === undefined) throw noStore();
      const parsed = parseEventsRequest(await jsonBody(c), info.context ?? []);
      if (info.ratings !== undefined) requireRatings(parsed, info.ratings, (index) => `events[${index}]`);
      await takeSamples(c, parsed.length);
      const { added, repeated } = await events.state.append(parsed);
      return c.json({ added, repeated });
    },
  };
}

function noStore(): CorellaError {
  return new CorellaError({
    code: "serve/no-store",
    message: "This server keeps no events.",
    place: "/v1/events",
    remedy: "Start it with --store and the path of a file, or the URL of a Redis server.",
  });
}
