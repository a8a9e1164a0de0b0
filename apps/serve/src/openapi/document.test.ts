import { expect, test } from "vitest";
import { z } from "zod";
import type { Endpoint } from "../http/endpoint.ts";
import { openApiDocument } from "./document.ts";

const handle: Endpoint["handle"] = (c) => c.json({});

test("parameters of paths and queries are told, those of a query by the schema that validates them", () => {
  const query = z.object({ q: z.string().max(10), limit: z.coerce.number().int().max(50).default(20) });
  const { paths } = openApiDocument([
    { method: "GET", path: "/v1/users/:user", purpose: "a user", query, handle },
  ]);
  expect(paths["/v1/users/{user}"]!["get"]!.parameters).toEqual([
    { name: "user", in: "path", required: true, schema: { type: "string" } },
    { name: "q", in: "query", required: true, schema: { type: "string", maxLength: 10 } },
    {
      name: "limit",
      in: "query",
      required: false,
      schema: expect.objectContaining({ maximum: 50 }) as object,
    },
  ]);
});

test("a protocol with errors of its own tells them itself, and no problems", () => {
  const error = z.strictObject({ error: z.string() }).meta({ id: "ProtocolError" });
  const { paths, components } = openApiDocument([
    {
      method: "POST",
      path: "/v2/models/:model/infer",
      purpose: "infer",
      contentType: "application/octet-stream",
      otherResponses: { 400: error, 404: error },
      errorOf: () => Response.json({ error: "x" }, { status: 400 }),
      handle,
    },
  ]);
  const { responses } = paths["/v2/models/{model}/infer"]!["post"]!;
  expect(Object.keys(responses)).toEqual(["200", "400", "404"]);
  expect(responses["200"]!.content).toEqual({ "application/octet-stream": {} });
  expect(responses["404"]!.content).toEqual({
    "application/json": { schema: { $ref: "#/components/schemas/ProtocolError" } },
  });
  expect(components.schemas["ProtocolError"]).toMatchObject({ required: ["error"] });
});

test("two schemas of one id are refused", () => {
  const of = (schema: z.ZodType): Endpoint => ({
    method: "GET",
    path: "/x",
    purpose: "x",
    response: schema,
    handle,
  });
  const one = z.strictObject({ a: z.string() }).meta({ id: "Same" });
  const other = z.strictObject({ b: z.string() }).meta({ id: "Same" });
  expect(() => openApiDocument([of(one), { ...of(other), path: "/y" }])).toThrow("Same");
});
