import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CorellaError } from "@corella/errors";
import type { Endpoint } from "../http/endpoint.ts";

const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>corella: endpoints</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="docs/swagger-ui.css" />
  </head>
  <body>
    <main id="page"></main>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({ url: "openapi.json", dom_id: "#page", deepLinking: true });
`;

/** Nothing comes from elsewhere, and no script or style stands in the page; the icons of its style sheet are data. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Content types of the page's files: `start.js` is ours, the others come from swagger-ui-dist. */
const files: Readonly<Record<string, string>> = {
  "start.js": "text/javascript; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui.css": "text/css; charset=utf-8",
};

/** A page that shows the endpoints and tries them, without any other server. */
export const pageEndpoints: readonly Endpoint[] = [
  {
    method: "GET",
    path: "/docs",
    scope: "none",
    purpose: "a page that shows the endpoints and tries them",
    contentType: "text/html; charset=utf-8",
    handle: (c) =>
      c.body(html, 200, {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": contentSecurityPolicy,
      }),
  },
  {
    method: "GET",
    path: "/docs/:file",
    scope: "none",
    purpose: "the files of that page",
    contentType: "*/*",
    problems: ["serve/not-found"],
    async handle(c) {
      const file = c.req.param("file") ?? "";
      if (!Object.hasOwn(files, file)) {
        throw new CorellaError({
          code: "serve/not-found",
          message: "There is no such file.",
          place: c.req.path.slice(0, 200),
          remedy: "GET /docs is the page.",
        });
      }
      return c.body(await contentOf(file), 200, { "content-type": files[file]! });
    },
  },
];

const contents = new Map<string, Promise<string>>();

/** The content of one of the page's files, which is read once. */
function contentOf(file: string): Promise<string> {
  if (file === "start.js") return Promise.resolve(start);
  const content = contents.get(file) ?? readFile(join(distributed(), file), "utf8");
  contents.set(file, content);
  return content;
}

/** The folder of swagger-ui-dist. */
function distributed(): string {
  return dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
}
