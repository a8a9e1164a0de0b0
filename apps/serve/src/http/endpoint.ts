import type { Context } from "hono";
import type { z } from "zod";
import type { Scope } from "../security/api-keys.ts";

/**
 * A path of the HTTP surface, and what answers it. What it says of itself becomes GET / and GET /openapi.json; the schemas are those that
 * validate, and a schema with an id (`.meta({ id: "Sample" })`) becomes a component of that name.
 */
export interface Endpoint {
  readonly method: "GET" | "POST";
  /** As Hono's router takes it: `/v1/score`, or with parameters `/problems/:area/:name`. */
  readonly path: string;
  /** What it is for, in a line. */
  readonly purpose: string;
  /** What a caller's key must be for; `none`: anybody may ask, at any rate. Default `score`. */
  readonly scope?: Scope | "none" | undefined;
  /** The query's parameters. */
  readonly query?: z.ZodObject | undefined;
  /** The JSON body. */
  readonly request?: z.ZodType | undefined;
  /** A body that is answered with 200. */
  readonly example?: (() => unknown) | undefined;
  /** The JSON of status 200; undefined: it is no JSON, or its shape is another's to say. */
  readonly response?: z.ZodType | undefined;
  /** What status 200 comes as. Default `application/json`. */
  readonly contentType?: string | undefined;
  /** JSON of other statuses that are no problems, by status. */
  readonly otherResponses?: Readonly<Record<number, z.ZodType>> | undefined;
  /** Codes of problems (`problemTypes`) beside those of every endpoint, and of every endpoint with a body. */
  readonly problems?: readonly string[] | undefined;
  /**
   * How errors are told where they are no problems (RFC 9457): of this endpoint, and of all paths that begin with the same segment, unknown
   * ones too, by the first endpoint there that has one. What may be told of an error, and its status, say `problemOf(error)`.
   */
  readonly errorOf?: ((error: unknown, c: Context) => Response) | undefined;
  /** @throws CorellaError that `errorOf`, or else `problemOf`, tells the sender */
  readonly handle: (c: Context) => Response | Promise<Response>;
}

/** Problems that every endpoint may have. */
const problemsOfAll: readonly string[] = ["serve/foreign-host", "serve/foreign-origin", "serve/internal"];

/** Problems that every endpoint may have for which callers have keys and rates. */
const problemsOfGuarded: readonly string[] = [
  "serve/no-key",
  "serve/bad-key",
  "serve/scope",
  "serve/rate-limited",
];

/** Problems that every endpoint with a JSON body may have. */
const problemsOfBodies: readonly string[] = [
  "serve/bad-json",
  "serve/bad-field",
  "serve/unknown-field",
  "serve/too-large",
  "serve/content-type",
  "serve/content-encoding",
];

/** The codes of all problems that an endpoint may answer with. */
export function problemsOf({ request, query, problems = [], scope, errorOf }: Endpoint): readonly string[] {
  if (errorOf !== undefined) return problems;
  return [
    ...(request === undefined ? [] : problemsOfBodies),
    ...(query === undefined ? [] : ["serve/bad-field", "serve/unknown-field"]),
    ...(scope === "none" ? [] : problemsOfGuarded),
    ...problems,
    ...problemsOfAll,
  ];
}

/** The path as OpenAPI and people write it: `/problems/{area}/{name}`. */
export function templatePath({ path }: Pick<Endpoint, "path">): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

/** Whether a request's path is an endpoint's. */
export function answersPath({ path }: Pick<Endpoint, "path">, asked: string): boolean {
  const [segments, given] = [path.split("/"), asked.split("/")];
  return (
    segments.length === given.length &&
    segments.every((segment, i) => (segment.startsWith(":") ? given[i] !== "" : segment === given[i]))
  );
}

/** How errors at a path are told; undefined: as problems. */
export function errorsAt(endpoints: readonly Endpoint[], path: string): Endpoint["errorOf"] {
  const first = (of: string): string | undefined => of.split("/")[1];
  return endpoints.find((endpoint) => endpoint.errorOf !== undefined && first(endpoint.path) === first(path))
    ?.errorOf;
}
