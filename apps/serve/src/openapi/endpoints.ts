import type { Endpoint } from "../http/endpoint.ts";
import { openApiDocument, type OpenApiDocument } from "./document.ts";
import { pageEndpoints } from "./page.ts";

/** What the server says of its own protocol: the OpenAPI document, and a page that tries it. @param endpoints as they are when asked */
export function openApiEndpoints(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  let document: OpenApiDocument | undefined;
  return [
    {
      method: "GET",
      path: "/openapi.json",
      scope: "none",
      purpose: "the OpenAPI 3.1 document of all endpoints",
      handle: (c) => c.json((document ??= openApiDocument(endpoints))),
    },
    ...pageEndpoints,
  ];
}
