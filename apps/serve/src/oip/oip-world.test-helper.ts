import type { Hono } from "hono";
import { createApp } from "../app.ts";
import type { Deployment } from "../deployment/deployment.ts";
import type { Deployments } from "../deployment/deployments.ts";
import { world, type World } from "../world.test-helper.ts";
import { readMessage, type Message } from "./message.test-helper.ts";

/** An input of BYTES as JSON. */
export function textInput(name: string, data: readonly unknown[], shape: unknown = [data.length, 1]): object {
  return { name, shape, datatype: "BYTES", data };
}

/** Sends a request to the model of the world, or to another. */
export function postInfer(
  app: Hono,
  body: object | string | Uint8Array<ArrayBuffer>,
  {
    headers = {},
    model = "tiny",
    signal,
  }: { headers?: Record<string, string>; model?: string; signal?: AbortSignal } = {},
): Promise<Response> {
  return Promise.resolve(
    app.request(`/v2/models/${model}/infer`, {
      method: "POST",
      headers,
      body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    }),
  );
}

/** A body of JSON and binary data, and the header that it needs. */
export function binaryBody(
  json: object,
  ...blobs: readonly Uint8Array[]
): [Uint8Array<ArrayBuffer>, Record<string, string>] {
  const head = Buffer.from(JSON.stringify(json));
  return [
    new Uint8Array(Buffer.concat([head, ...blobs])),
    { "inference-header-content-length": String(head.length) },
  ];
}

/** Reads an answer. */
export async function messageOf(response: Response): Promise<Message> {
  return readMessage(new Uint8Array(await response.arrayBuffer()), Object.fromEntries(response.headers));
}

/** The text of an error, of which both Python clients can read the form. */
export async function errorOf(response: Response): Promise<string> {
  const { headers } = response;
  if (headers.get("content-type") !== "application/json")
    throw new Error(String(headers.get("content-type")));
  if (headers.get("content-encoding") !== null) throw new Error("an error is compressed");
  const { error } = (await response.json()) as { error: unknown };
  if (typeof error !== "string") throw new Error(`error is ${typeof error}`);
  return error;
}

/** An app of several bundles, the first of a name before others. */
export function appOf(...all: readonly Deployment[]): Hono {
  const deployments: Deployments = {
    all: () => all,
    of: () => all[0]!,
    find: (name, version) =>
      all.find(
        ({ info: { bundle } }) => bundle.name === name && (version ?? bundle.version) === bundle.version,
      ),
    score: (samples, options) => all[0]!.score(samples, options),
    enter: () => () => {},
  };
  return createApp(deployments, { log: () => {} });
}

/** Reads JSON that must be there. */
export async function getJson(app: Hono, path: string): Promise<unknown> {
  const response = await app.request(path);
  if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
  if (response.headers.get("content-type") !== "application/json") throw new Error(`${path} is no JSON`);
  return response.json();
}

/** Models in memory under a name and version. */
export function named(name: string, version: string, changes: Parameters<typeof world>[0] = {}): World {
  return world({ ...changes, info: { ...world().info, bundle: { name, version } } });
}
