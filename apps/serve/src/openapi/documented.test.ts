import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { beforeAll, expect, test } from "vitest";
import { problemTypes } from "../http/problem-types.ts";
import { allOperations, post, world } from "../world.test-helper.ts";
import type { OpenApiDocument } from "./document.ts";
import type { JsonSchema } from "./schemas.ts";

let readme: string;
let document: OpenApiDocument;
let index: { endpoints: { method: string; path: string }[] };

beforeAll(async () => {
  readme = await readFile(join(import.meta.dirname, "../../README.md"), "utf8");
  const { app } = world({ operations: allOperations });
  document = (await (await app.request("/openapi.json")).json()) as OpenApiDocument;
  index = (await (await app.request("/")).json()) as typeof index;
});

/** The rows of the README's tables, the first two cells of each. @param section its heading; default: all */
function rows(section?: string): [string, string][] {
  const text =
    section === undefined ? readme : readme.split(/^## /m).find((each) => each.startsWith(section))!;
  return [...text.matchAll(/^\| +([^|]+?) +\| +([^|]*?) *\|/gm)].map(([, first, second]) => [
    first!,
    second!,
  ]);
}

function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

/** The names of the fields that the first column of a section's tables has. */
function fieldsIn(section: string): Set<string> {
  return new Set(
    rows(section).flatMap(([first]) =>
      first.startsWith("`") ? quoted(first).filter((name) => !name.includes(" ")) : [],
    ),
  );
}

function resolved(schema: JsonSchema): JsonSchema {
  const reference = schema["$ref"] as string | undefined;
  return reference === undefined
    ? schema
    : document.components.schemas[reference.replace("#/components/schemas/", "")]!;
}

function propertiesOf(schema: JsonSchema): Set<string> {
  return new Set(Object.keys(resolved(schema)["properties"] as object));
}

function component(id: string): JsonSchema {
  return document.components.schemas[id]!;
}

test("the OpenAPI document is valid", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone({ ...document }));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

test("the example of each endpoint is a request that is answered", async () => {
  const { app } = world();
  for (const [path, { post: operation }] of Object.entries(document.paths)) {
    if (operation?.requestBody === undefined) continue;
    const [status, { code }] = await post(
      app,
      operation.requestBody.content["application/json"]!.example,
      undefined,
      path,
    );
    expect([status, code], path).toEqual(path === "/v1/events" ? [404, "serve/no-store"] : [200, undefined]);
  }
});

test("README, index and OpenAPI document have the same endpoints", () => {
  const inReadme = rows().flatMap(([first]) => quoted(first).filter((name) => /^(GET|POST) \//.test(name)));
  const inIndex = index.endpoints.map(({ method, path }) => `${method} ${path}`);
  const inDocument = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  // The Open Inference Protocol has a page of its own, the console a section.
  expect(new Set(inReadme)).toEqual(new Set(inIndex.filter((each) => !/ \/(v2|console)\b/.test(each))));
  expect(new Set(inDocument)).toEqual(new Set(inIndex));
  const ids = Object.values(document.paths).flatMap((operations) =>
    Object.values(operations).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
});

test("README and OpenAPI document have the same fields of requests", () => {
  const [one, list] = component("ScoreRequest")["anyOf"] as JsonSchema[];
  expect(fieldsIn("Scoring")).toEqual(propertiesOf(one!));
  expect(propertiesOf(list!)).toEqual(new Set(["samples", "llm"]));
  expect(fieldsIn("Ranking")).toEqual(propertiesOf(component("RankRequest")));
  expect(fieldsIn("Events")).toEqual(propertiesOf(component("Event")));
  const { llm: _, ...sample } = component("ExplainRequest")["properties"] as Record<string, unknown>;
  expect(new Set([...Object.keys(sample), "llm"])).toEqual(propertiesOf(one!));
});

test("README and OpenAPI document have the same fields of answers", () => {
  const score = propertiesOf(component("Prediction"));
  const explained = propertiesOf(component("Explanation"));
  const own = [...explained].filter((field) => !score.has(field) && field !== "latencyMs");
  expect(fieldsIn("Explaining")).toEqual(new Set(own));
  const scoring = readme.split(/^## /m).find((each) => each.startsWith("Scoring"))!;
  for (const field of score) expect(scoring).toMatch(new RegExp(`[\`"]${field}\\b`));
  const explaining = readme.split(/^## /m).find((each) => each.startsWith("Explaining"))!;
  for (const part of ["FeatureValue", "RoutingExplained", "MixExplained", "PromptRead"])
    for (const field of propertiesOf(component(part))) expect(explaining).toContain(`\`${field}\``);
});

test("README, OpenAPI document and server have the same errors, each with its status", () => {
  const known = Object.entries(problemTypes).map(([code, { status }]) => `${status} ${code}`);
  const inReadme = rows("Errors").flatMap(([status, codes]) =>
    quoted(codes)
      .filter((code) => /^(?!application)\w+\/[\w-]+$/.test(code))
      .map((code) => `${status} ${code}`),
  );
  expect(inReadme.toSorted()).toEqual(known.toSorted());
  const inDocument = Object.values(document.paths).flatMap((operations) =>
    Object.values(operations).flatMap(({ responses }) =>
      Object.entries(responses).flatMap(([status, { content }]) => {
        const schema = content?.["application/problem+json"]?.schema as
          | { properties: { code: { enum: string[] } } }
          | undefined;
        return schema?.properties.code.enum.map((code) => `${status} ${code}`) ?? [];
      }),
    ),
  );
  // Of a method that a path does not know no operation tells; of the end readiness alone.
  expect(new Set([...inDocument, "405 serve/method", "503 serve/draining"])).toEqual(new Set(known));
});

test("the README has the errors of the command", async () => {
  for (const file of ["http/listen.ts", "main.ts"]) {
    const source = await readFile(join(import.meta.dirname, "..", file), "utf8");
    for (const [code] of source.matchAll(/serve\/[a-z-]+/g)) expect(readme).toContain(code);
  }
});
