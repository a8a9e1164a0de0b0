import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { OpenApiDocument, Operation } from "./document.ts";

/** What an OpenAPI document promises of answers. */
export interface Contract {
  /** What is wrong with an answer: a status, content type or body that is not declared; undefined: nothing. */
  complaintAbout(method: string, url: string, response: Response): Promise<string | undefined>;
}

const problemType = "application/problem+json";

/** Makes the contract of a document. */
export function contractOf(document: OpenApiDocument): Contract {
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema(document, "document");
  const validators = new Map<string, ValidateFunction>();
  const validatorAt = (...keys: readonly string[]): ValidateFunction => {
    const pointer = keys.map((key) => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1")));
    const $ref = `document#/${pointer.join("/")}`;
    let found = validators.get($ref);
    if (found === undefined) validators.set($ref, (found = ajv.compile({ $ref })));
    return found;
  };
  const operations = Object.entries(document.paths).map(([template, byMethod]) => ({
    template,
    byMethod,
    // A parameter is not empty.
    pattern: new RegExp(`^${template.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  }));
  return {
    async complaintAbout(method, url, response) {
      const { status } = response;
      // Nobody reads the answer of a request that its sender gave up.
      if (status === 499) return undefined;
      // "//x" is a path too, of no other host.
      const path = new URL(url.startsWith("/") ? `http://server${url}` : url).pathname;
      // The Open Inference Protocol and the console have tests of their own.
      if (/^\/(v2|console)(\/|$)/.test(path)) return undefined;
      const found = operations.find(({ pattern }) => pattern.test(path));
      const type = response.headers.get("content-type") ?? "";
      const asked = method === "HEAD" ? "get" : method.toLowerCase();
      const operation: Operation | undefined = found?.byMethod[asked];
      const body = await response.clone().text();
      if (operation === undefined) {
        const expected = found === undefined ? 404 : 405;
        // A body that is too large, and what comes from a foreign page, is refused before anybody looks where it goes.
        if (status !== expected && status !== 413 && status !== 403)
          return `status ${status} where ${expected} is due`;
        if (method === "HEAD") return undefined;
        if (type !== problemType) return `a problem as ${type}`;
        const validate = validatorAt("components", "schemas", "Problem");
        return validate(JSON.parse(body)) ? undefined : ajv.errorsText(validate.errors);
      }
      const declared = operation.responses[status];
      if (declared === undefined) return `status ${status}, which is not declared`;
      if (method === "HEAD") return undefined;
      const [declaredType, content] = Object.entries(declared.content ?? {})[0] ?? ["", {}];
      if (declaredType !== "*/*" && declaredType !== type) return `${type} where ${declaredType} is declared`;
      if (content.schema === undefined) return undefined;
      const pointer = `paths ${found!.template} ${asked} responses ${status} content ${declaredType} schema`;
      const validate = validatorAt(...pointer.split(" "));
      return validate(JSON.parse(body)) ? undefined : ajv.errorsText(validate.errors);
    },
  };
}
