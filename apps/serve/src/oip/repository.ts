import { CorellaError } from "@corella/errors";
import type { Context } from "hono";
import { z } from "zod";
import type { Deployment } from "../deployment/deployment.ts";
import { parseChecked, parseJson } from "../http/json-body.ts";
import { oipError } from "./errors.ts";
import { sentBody } from "./request-body.ts";

/** Loads and unloads models on request. */
export interface ModelControl {
  /** Serves the newest bundle of a name. */
  load(name: string): Promise<void>;
  /** Serves no bundle of a name any more. */
  unload(name: string): Promise<void>;
}

const indexSchema = z.looseObject({ ready: z.boolean().optional() });

/**
 * Answers which models there are, all or only those that are ready.
 * @throws CorellaError `oip/too-large`, `serve/bad-json`, `serve/bad-field`
 */
export async function repositoryIndex(c: Context, deployments: readonly Deployment[]): Promise<Response> {
  const body = await sentBody(c);
  const { ready } = parseChecked(indexSchema, body.byteLength === 0 ? {} : parseJson(body));
  const entries = deployments.map((deployment) => ({ ...deployment.info.bundle, ...stateOf(deployment) }));
  return c.json(ready === true ? entries.filter(({ state }) => state === "READY") : entries);
}

function stateOf({ readiness }: Deployment): { readonly state: string; readonly reason: string } {
  try {
    readiness.predictor();
    return { state: "READY", reason: "" };
  } catch (error) {
    const loading = CorellaError.isInstance(error) && error.code === "serve/loading";
    return loading
      ? { state: "LOADING", reason: "" }
      : { state: "UNAVAILABLE", reason: "It could not be loaded; the server's log says why." };
  }
}

/**
 * Loads or unloads a model.
 * @param control undefined: this server loads what its command names, and nothing else
 * @throws CorellaError `oip/model-control`
 */
export async function controlModel(
  c: Context,
  action: "load" | "unload",
  name: string,
  control: ModelControl | undefined,
): Promise<Response> {
  if (control === undefined) {
    throw oipError(
      "oip/model-control",
      "explicit model load / unload is not allowed: this server answers with the bundles it was started with.",
    );
  }
  await control[action](name);
  return c.json({ name, [action]: true });
}
