import type { Deployments } from "../deployment/deployments.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { eventsEndpoint } from "./events.ts";
import { explainEndpoint } from "./explain.ts";
import { infoEndpoint } from "./info.ts";
import { itemsEndpoint } from "./items.ts";
import { rankEndpoint } from "./rank.ts";
import { scoreEndpoint } from "./score.ts";
import { usersEndpoints } from "./users.ts";

/** This server's own protocol. */
export function v1Endpoints(deployments: Deployments): Endpoint[] {
  return [
    scoreEndpoint(deployments),
    rankEndpoint(deployments),
    explainEndpoint(deployments),
    eventsEndpoint(deployments),
    ...usersEndpoints(deployments),
    itemsEndpoint(deployments),
    infoEndpoint(deployments),
  ];
}
