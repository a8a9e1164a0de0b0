import type { Deployments } from "../deployment/deployments.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { eventsEndpoint } from "./events.ts";
import { itemsEndpoint } from "./items.ts";
import { scoreEndpoint } from "./score.ts";
import { usersEndpoints } from "./users.ts";

/** This server's own protocol. */
export function v1Endpoints(deployments: Deployments): Endpoint[] {
  return [
    scoreEndpoint(deployments),
    eventsEndpoint(deployments),
    ...usersEndpoints(deployments),
    itemsEndpoint(deployments),
    {
      method: "GET",
      path: "/v1/info",
      purpose: "what is served: models, features, router",
      handle: (c) => c.json(deployments.of(undefined).info),
    },
  ];
}
