import { CorellaError, nearestName } from "@corella/errors";
import type { Context } from "hono";
import { answersPath, templatePath, type Endpoint } from "./endpoint.ts";

/** The methods that a path knows. */
export function methodsOf(endpoints: readonly Endpoint[], path: string): readonly string[] {
  return endpoints.filter((endpoint) => answersPath(endpoint, path)).map(({ method }) => method);
}

/** The error of a request that no endpoint answers: `serve/method`, or `serve/not-found`. */
export function unknownEndpoint(endpoints: readonly Endpoint[], c: Context): CorellaError {
  const { method, path } = c.req;
  const place = path.slice(0, 200);
  const allowed = methodsOf(endpoints, path);
  if (allowed.length > 0) {
    return new CorellaError({
      code: "serve/method",
      message: `${place} does not know ${method}.`,
      place,
      remedy: `Use ${allowed.join(" or ")}.`,
    });
  }
  const near = nearestName(path, endpoints.map(templatePath));
  return new CorellaError({
    code: "serve/not-found",
    message: "There is no such endpoint.",
    place,
    remedy: near === undefined || near === "/" ? "GET / lists them." : `Did you mean ${near}?`,
  });
}
