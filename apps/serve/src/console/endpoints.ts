import { CorellaError } from "@corella/errors";
import type { Context } from "hono";
import type { Endpoint } from "../http/endpoint.ts";
import type { Console } from "./console.ts";
import { indexFile } from "./files.ts";

/** Only this server's own files, nothing inline, and nobody may show the page in a frame. */
const policy = [
  "default-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The console's page and its files. A name that is not one of the files leads nowhere. */
export function consoleEndpoints(console: Console): Endpoint[] {
  return [
    {
      method: "GET",
      path: "/console",
      scope: "none",
      purpose: "a page to look at: rank for a user, see why, live metrics, what a budget buys",
      // Relative, so that it also holds behind a proxy's prefix.
      handle: (c) => c.body(null, 308, { location: "console/" }),
    },
    {
      method: "GET",
      path: "/console/",
      scope: "none",
      purpose: "that page",
      handle: (c) => answerFile(console, indexFile, c),
    },
    {
      method: "GET",
      path: "/console/assets/:name",
      scope: "none",
      purpose: "a script, style or picture of that page",
      handle: (c) => answerFile(console, `assets/${c.req.param("name") ?? ""}`, c),
    },
  ];
}

/** @throws CorellaError `serve/not-found` */
async function answerFile(console: Console, name: string, c: Context): Promise<Response> {
  const files = await console.files();
  c.header("content-security-policy", policy);
  c.header("x-content-type-options", "nosniff");
  c.header("referrer-policy", "no-referrer");
  if (typeof files === "string") return c.text(`${files}\n`, 503);
  const file = files.get(name);
  if (file === undefined) {
    throw new CorellaError({
      code: "serve/not-found",
      message: "The console has no such file.",
      place: c.req.path.slice(0, 200),
      remedy: "The console itself is at /console.",
    });
  }
  c.header("etag", file.etag);
  c.header("cache-control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  const known = c.req
    .header("if-none-match")
    ?.split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""));
  if (known?.includes(file.etag) === true) return c.body(null, 304);
  return c.body(file.body, 200, { "content-type": file.type });
}
