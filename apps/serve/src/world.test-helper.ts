import { createPredictor, type Histories, type Lane, type ModelName } from "@corella/bundle";
import { type Catalogue, createCatalogue, type RatingRecord } from "@corella/modality";
import type { RoutingPolicy } from "@corella/routing";
import type { Hono } from "hono";
import { createApp, type AppOptions } from "./app.ts";
import { consoleFolder, openConsole } from "./console/console.ts";
import { createDeployment, type DeploymentParts } from "./deployment/deployment.ts";
import { oneDeployment } from "./deployment/deployments.ts";
import { exampleRequest } from "./deployment/example.ts";

/** Two items. */
export const catalogue: Catalogue = createCatalogue([
  ["1", { title: "One" }],
  ["2", { title: "Two" }],
]);
/** Of one user, ann. */
export const histories: Histories = {
  users: 1,
  latest: 200,
  keepsStatistics: false,
  some: () => ["ann"],
  has: (user) => user === "ann",
  of: (user) =>
    user === "ann"
      ? [
          { item: "1", rating: 4, time: 100 },
          { item: "2", rating: 3, time: 200 },
        ]
      : [],
  earlierOf: () => 0,
  attributesOf: () => ({ age: 30 }),
};
/** What the CRM says: half sure of "1", quite sure of all others. */
export const pCrmOf: (record: RatingRecord) => number = ({ item }) => (item === "1" ? 0.5 : 0.9375);

/** An app on two models in memory. */
export interface World {
  readonly app: Hono;
  readonly info: DeploymentParts["info"];
  /** Records as the CRM's lane got them, in batches. */
  readonly toCrm: RatingRecord[][];
  readonly toLlm: RatingRecord[][];
  readonly lines: string[];
  /** What the lanes do instead of answering. */
  readonly failures: { crm?: Error | "hang" | undefined; llm?: Error | "hang" | undefined };
}

/** Makes an app on models in memory. @param changes.only the one model of a bundle that has one */
export function world(
  changes: Partial<DeploymentParts & AppOptions> & {
    readonly policy?: RoutingPolicy;
    readonly only?: ModelName;
  } = {},
): World {
  const failures: World["failures"] = {};
  const lane = (name: "crm" | "llm", seen: RatingRecord[][], p: (record: RatingRecord) => number): Lane => ({
    async score(records, signal) {
      const failure = failures[name];
      if (failure === "hang") {
        return new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason as Error));
        });
      }
      if (failure !== undefined) throw failure;
      seen.push([...records]);
      return Float32Array.from(records, p);
    },
    dispose: async () => {},
  });
  const toCrm: RatingRecord[][] = [];
  const toLlm: RatingRecord[][] = [];
  const lines: string[] = [];
  const router = {
    policy: changes.policy ?? ({ kind: "threshold", entropy: 0.5 } as const),
    mix: { kind: "replace" },
  } as const;
  const { only, verbose, policy: _, ...parts } = changes;
  const crm = only === "llm" ? undefined : lane("crm", toCrm, pCrmOf);
  const llm = only === "crm" ? undefined : lane("llm", toLlm, () => 0.25);
  const predictor = createPredictor({ crm, llm }, only === undefined ? router : undefined);
  const info: DeploymentParts["info"] = {
    bundle: { name: "tiny", version: "abc" },
    models: { crm: crm && "DCNv2", llm: llm && "Llama" },
    router: only === undefined ? router : undefined,
    features: crm && [],
    historyLength: 30,
    items: 2,
    users: 1,
  };
  const log = changes.log ?? ((line: string): void => void lines.push(line));
  const deployment = createDeployment({
    predictor,
    histories,
    catalogue,
    info,
    example: exampleRequest({ catalogue, featureMap: undefined, context: undefined }, histories),
    ...parts,
    log,
  });
  const app = createApp(oneDeployment(deployment), {
    log,
    verbose,
    // Read when it is asked for.
    console: changes.console ?? openConsole(consoleFolder, log),
  });
  return { app, info, toCrm, toLlm, lines, failures };
}

/** Sends the body of a score request, or of another; status and answer. */
export async function post(
  app: Hono,
  body: unknown,
  signal?: AbortSignal,
  path = "/v1/score",
): Promise<[number, Answer]> {
  const response = await app.request(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
  return [response.status, (await response.json()) as Answer];
}

/** The answer to a score request, right or wrong. */
export interface Answer {
  readonly probability?: number;
  readonly latencyMs?: number;
  readonly predictions?: readonly Readonly<Record<string, unknown>>[];
  readonly error?: { code: string; message: string; place?: string; remedy?: string };
  readonly [other: string]: unknown;
}
