import { problemsOf, templatePath, type Endpoint } from "../http/endpoint.ts";
import { problemContentType, problemSchema } from "../http/problem.ts";
import { problemTypes, statusesOf, type ProblemStatus } from "../http/problem-types.ts";
import { createSchemaCollection, type JsonSchema, type SchemaCollection } from "./schemas.ts";

/** What an OpenAPI document says of one answer. */
export interface ResponseObject {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>>;
}

/** What an OpenAPI document says of one endpoint. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly JsonSchema[];
  readonly requestBody?: {
    readonly required: true;
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;
  };
  /** By status. */
  readonly responses: Readonly<Record<string, ResponseObject>>;
}

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  /** By path, then by method in small letters. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

/** The OpenAPI 3.1 document of endpoints, made of the schemas that validate their requests. */
export function openApiDocument(endpoints: readonly Endpoint[]): OpenApiDocument {
  const schemas = createSchemaCollection();
  const paths: Record<string, Record<string, Operation>> = {};
  for (const endpoint of endpoints) {
    const operations = (paths[templatePath(endpoint)] ??= {});
    operations[endpoint.method.toLowerCase()] = operationOf(endpoint, schemas);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "corella",
      version: "1",
      description:
        "Click-through and rating predictions of a fast conventional recommendation model and a large language model.",
    },
    paths,
    components: { schemas: schemas.components },
  };
}

function operationOf(endpoint: Endpoint, schemas: SchemaCollection): Operation {
  const { method, path, purpose, request, example, query } = endpoint;
  const words = path.split(/\W+/).filter((word) => word !== "");
  const parameters = [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      schema: { type: "string" },
    })),
    ...Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
      name,
      in: "query",
      required: !schema.safeParse(undefined).success,
      schema: schemas.add(schema, "input"),
    })),
  ];
  return {
    // "/console" and "/console/" are two.
    operationId: [
      method.toLowerCase(),
      ...words.map(capitalised),
      ...(words.length > 0 && path.endsWith("/") ? ["Index"] : []),
    ].join(""),
    summary: purpose,
    tags: [words[0] ?? "index"],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(request === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              "application/json": {
                schema: schemas.add(request, "input"),
                ...(example === undefined ? {} : { example: example() }),
              },
            },
          },
        }),
    responses: responsesOf(endpoint, schemas),
  };
}

function responsesOf(
  endpoint: Endpoint,
  schemas: SchemaCollection,
): Readonly<Record<string, ResponseObject>> {
  const { purpose, response, contentType = "application/json", otherResponses = {} } = endpoint;
  const content = response === undefined ? {} : { schema: schemas.add(response, "output") };
  const responses: Record<string, ResponseObject> = {
    200: { description: purpose, content: { [contentType]: content } },
  };
  for (const [status, schema] of Object.entries(otherResponses)) {
    responses[status] = {
      description: "another state",
      content: { "application/json": { schema: schemas.add(schema, "output") } },
    };
  }
  for (const [status, codes] of statusesOf(problemsOf(endpoint)))
    responses[status] = problemResponse(status, codes, schemas);
  return responses;
}

function problemResponse(
  status: ProblemStatus,
  codes: readonly string[],
  schemas: SchemaCollection,
): ResponseObject {
  const schema = schemas.add(problemSchema, "output");
  return {
    description: codes.map((code) => `${code}: ${problemTypes[code]!.meaning}`).join("\n\n"),
    ...(status === 503 || status === 429
      ? {
          headers: {
            "retry-after": {
              description: "Seconds until it may work again.",
              schema: { type: "integer" },
            },
          },
        }
      : {}),
    content: {
      [problemContentType]: { schema: { allOf: [schema], properties: { code: { enum: codes } } } },
    },
  };
}

function capitalised(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}
