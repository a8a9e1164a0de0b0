import { createPredictor, routingSignals, type Histories, type Lane, type ModelName } from "@corella/bundle";
import {
  type Catalogue,
  createCatalogue,
  createLog,
  type FeatureConfig,
  fitFeatureMap,
  type RatingRecord,
  type RunningStatistics,
  statisticsAtEnd,
} from "@corella/modality";
import type { RoutingPolicy } from "@corella/routing";
import type { ServedBundle } from "@corella/store";
import type { Hono } from "hono";
import { createApp, type AppOptions } from "./app.ts";
import { consoleFolder, openConsole } from "./console/console.ts";
import { createDeployment, type Deployment, type DeploymentParts } from "./deployment/deployment.ts";
import { oneDeployment } from "./deployment/deployments.ts";
import { exampleRequest } from "./deployment/example.ts";
import type { ModelInputs } from "./deployment/model-inputs.ts";
import { contractOf, type Contract } from "./openapi/contract.test-helper.ts";
import type { OpenApiDocument } from "./openapi/document.ts";
import type { Operations } from "./operations/endpoints.ts";
import type { Log } from "./operations/log.ts";
import { createMetrics } from "./operations/metrics.ts";

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
/** The bundle of both, as a state of events goes on from it. */
export const servedBundle: ServedBundle = {
  version: "tiny",
  histories,
  catalogue,
  ties: "exclude",
  likedThreshold: 4,
};

/** The log that ann's history is of. */
const annsLog = createLog({
  user: Int32Array.of(0, 0),
  item: Int32Array.of(0, 1),
  rating: Float32Array.of(4, 3),
  time: Float64Array.of(100, 200),
  label: Uint8Array.of(1, 0),
  users: { ids: ["ann"], activeCount: 1, attributes: [{ age: 30 }] },
  items: { ids: ["1", "2"], activeCount: 2, attributes: [{}, {}] },
  history: { maxLength: 3, ties: "exclude" },
  likedThreshold: 4,
});

/** Running statistics of the world's bundle, after all events of its log. */
export function worldStatistics(features: readonly FeatureConfig[]): RunningStatistics {
  return statisticsAtEnd(fitFeatureMap(features, annsLog, [0, 1]).statistics!, annsLog);
}

const promptSize = { tokens: 6, maxTokens: 100, wholeTokens: 6, events: 0, wholeEvents: 0 };

/** What the CRM says: half sure of "1", quite sure of all others. */
export const pCrmOf: (record: RatingRecord) => number = ({ item }) => (item === "1" ? 0.5 : 0.9375);

/** What the models in memory read of a record. */
export function inputsOf({
  hasCrm = true,
  hasLlm = true,
}: { hasCrm?: boolean; hasLlm?: boolean } = {}): ModelInputs {
  return {
    asked: (record) => record,
    features: async ({ item }) => (hasCrm ? [{ name: "item", type: "categorical", value: item }] : undefined),
    prompt: async ({ item }) => (hasLlm ? { ...promptSize, text: `Will they like ${item}?` } : undefined),
    signals: async (record) => routingSignals([record]),
  };
}

/** An app on two models in memory. */
export interface World {
  readonly app: Hono;
  readonly deployment: Deployment;
  readonly log: Log;
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
  const { only, verbose, security, operations, policy: _, ...parts } = changes;
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
  const log: Log = changes.log ?? ((line) => void lines.push(line));
  const deployment = createDeployment({
    predictor,
    histories,
    catalogue,
    info,
    inputs: inputsOf({ hasCrm: crm !== undefined, hasLlm: llm !== undefined }),
    example: exampleRequest({ catalogue, featureMap: undefined, context: undefined }, histories),
    ...parts,
    log,
  });
  const deployments = oneDeployment(deployment);
  // Read when it is asked for.
  const { console = openConsole(consoleFolder, log) } = changes;
  const documented = createApp(deployments, { log: () => {}, console, operations: allOperations });
  const app = withinContract(
    createApp(deployments, { log, verbose, security, console, operations }),
    documented,
  );
  return { app, deployment, log, info, toCrm, toLlm, lines, failures };
}

/** Operations with endpoints of their own. */
export const allOperations: Operations = {
  metrics: createMetrics(),
  reload: { now: async () => [], settled: async () => {} },
};

/** The same for all apps: their endpoints do not depend on what is served. */
let contract: Promise<Contract> | undefined;

async function readContract(app: Hono): Promise<Contract> {
  return contractOf((await (await app.request("/openapi.json")).json()) as OpenApiDocument);
}

/** An app of which every answer has to be as the OpenAPI document says. @param documented tells that document */
function withinContract(app: Hono, documented: Hono): Hono {
  const request = app.request.bind(app);
  app.request = async (input, init, ...rest) => {
    const response = await request(input, init, ...rest);
    const { complaintAbout } = await (contract ??= readContract(documented));
    const method = init?.method ?? "GET";
    const complaint = await complaintAbout(method, String(input), response);
    if (complaint !== undefined) throw new Error(`${method} ${String(input)}: ${complaint}`);
    return response;
  };
  return app;
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
  /** Of a problem. */
  readonly code?: string;
  readonly detail?: string;
  readonly place?: string;
  readonly remedy?: string;
  readonly [other: string]: unknown;
}
