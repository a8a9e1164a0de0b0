import { readFileSync } from "node:fs";
import type { Context, Handler } from "hono";
import type { Deployment } from "../deployment/deployment.ts";
import type { Deployments } from "../deployment/deployments.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Drain } from "../operations/drain.ts";
import type { Scope } from "../security/api-keys.ts";
import { errorResponse, oipError } from "./errors.ts";
import { answerReadiness } from "./health.ts";
import { infer } from "./infer.ts";
import { modelConfig, modelMetadata, serverMetadata } from "./metadata.ts";
import { type PathTarget, pathMatcher } from "./paths.ts";
import { controlModel, type ModelControl, repositoryIndex } from "./repository.ts";
import { createStatistics } from "./statistics.ts";

/** How the protocol is answered. */
export interface OipOptions {
  /** Takes a line for what goes wrong. */
  readonly log: (line: string) => void;
  /** Default: models are neither loaded nor unloaded by requests. */
  readonly control?: ModelControl | undefined;
  /** A server that is about to stop is not ready. */
  readonly drain?: Drain | undefined;
}

/** The Open Inference Protocol, ready to be put into an app. */
export interface OpenInferenceProtocol {
  /** Its paths, each with `handle`. */
  readonly endpoints: readonly Endpoint[];
  /** What callers' keys must be for, by patterns of paths: the first that fits. */
  readonly scopes: readonly (readonly [path: string, scope: Scope | "none"])[];
  /** Answers every request under /v2, unknown paths and other methods too, with errors in the form of the protocol. */
  readonly handle: Handler;
}

/** A path of the protocol, and what answers it. */
interface Action extends Pick<Endpoint, "method" | "path" | "purpose"> {
  answer(c: Context, target: PathTarget): Response | Promise<Response>;
}

/**
 * Answers the Open Inference Protocol, version 2, over REST (https://github.com/kserve/open-inference-protocol) with Triton's extensions: binary
 * tensors, configuration, statistics and the index of the repository. A model is a bundle, by its name and version.
 */
export function openInferenceProtocol(deployments: Deployments, options: OipOptions): OpenInferenceProtocol {
  const { log } = options;
  const actions = actionsOf(deployments, options).map((action) => ({
    ...action,
    match: pathMatcher(action.path),
  }));
  const dispatch = (c: Context): Response | Promise<Response> => {
    const path = new URL(c.req.url).pathname.replace(/^\/v2\/$/, "/v2");
    const method = c.req.method === "HEAD" ? "GET" : c.req.method;
    for (const { match, answer, ...action } of actions) {
      const target = match(path);
      if (target === undefined) continue;
      if (action.method === method) return answer(c, target);
      c.header("allow", action.method);
      throw oipError("oip/method", `Method Not Allowed: ${path.slice(0, 200)} knows ${action.method} only.`);
    }
    throw oipError("oip/not-found", `There is no ${path.slice(0, 200)}.`, "GET / lists all endpoints.");
  };
  const handle = async (c: Context): Promise<Response> => {
    try {
      return await dispatch(c);
    } catch (error) {
      // Nobody waits for an answer.
      if (c.req.raw.signal.aborted || (error as NodeJS.ErrnoException).code === "ECONNRESET")
        return new Response(null, { status: 499 });
      return errorResponse(error, c, log);
    }
  };
  return {
    endpoints: actions.map(({ method, path, purpose }) => ({
      method,
      path,
      purpose,
      errorOf: (error, c) => errorResponse(error, c, log),
      handle,
    })),
    scopes: [
      ["/v2/health/*", "none"],
      ["/v2/repository/models/*", "admin"],
      ["/v2/*", "score"],
    ],
    handle,
  };
}

/** All paths; the first that fits a request answers it. */
function actionsOf(deployments: Deployments, { log, control, drain }: OipOptions): Action[] {
  const statistics = createStatistics();
  const { version: serverVersion } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  ) as { version: string };
  /** All versions that a path means: of the one that it names, or of all. */
  const named = ({ model, version }: PathTarget): Deployment[] => {
    const found = deployments
      .all()
      .filter(
        ({ info: { bundle } }) => bundle.name === model && (version ?? bundle.version) === bundle.version,
      );
    if (found.length === 0) throw unknownModel(model, version);
    return found;
  };
  const one = ({ model, version }: PathTarget): Deployment => {
    const found = deployments.find(model, version);
    if (found === undefined) throw unknownModel(model, version);
    return found;
  };
  const by =
    (method: Action["method"]) =>
    (path: string, purpose: string, answer: Action["answer"]): Action => ({ method, path, purpose, answer });
  const [get, post] = [by("GET"), by("POST")];
  const ofModel = (base: string): Action[] => [
    post(`${base}/infer`, "probabilities of up to 1,000 samples, as tensors", async (c, target) =>
      infer(c, one(target), statistics),
    ),
    get(`${base}/ready`, "200 when the model can answer, otherwise 503", async (c, target) =>
      answerReadiness(c, [one(target)], { name: target.model }, log),
    ),
    get(`${base}/config`, "the model's configuration, as Triton tells it", (c, target) =>
      c.json(modelConfig(one(target).info.bundle)),
    ),
    get(
      `${base}/stats`,
      "how often the model was asked by this protocol, and how long it took",
      (c, target) => c.json({ model_stats: named(target).map((deployment) => statistics.of(deployment)) }),
    ),
  ];
  const metadata = (base: string): Action =>
    get(base, "the model's versions, inputs and outputs", (c, target) => {
      one(target);
      const versions = named({ ...target, version: undefined }).map(({ info }) => info.bundle.version);
      return c.json(modelMetadata(target.model, versions));
    });
  const model = "/v2/models/:model";
  const version = `${model}/versions/:version`;
  return [
    get("/v2", "name, version and extensions of the server (Open Inference Protocol)", (c) =>
      c.json(serverMetadata(serverVersion)),
    ),
    get("/v2/health/live", "200 while the process runs", (c) => c.json({ live: true })),
    get("/v2/health/ready", "200 when all models can answer, otherwise 503", async (c) =>
      drain?.begun === true
        ? c.json({ live: true, ready: false, error: "The server is about to stop." }, 503)
        : answerReadiness(c, deployments.all(), { live: true }, log),
    ),
    get("/v2/models", "names of the models", (c) =>
      c.json({ models: [...new Set(deployments.all().map(({ info }) => info.bundle.name))] }),
    ),
    get("/v2/models/stats", "how often each model was asked by this protocol, and how long it took", (c) =>
      c.json({ model_stats: deployments.all().map((deployment) => statistics.of(deployment)) }),
    ),
    post("/v2/repository/index", "names, versions and states of the models", async (c) =>
      repositoryIndex(c, deployments.all()),
    ),
    ...(["load", "unload"] as const).map((action) =>
      post(
        `/v2/repository/models/:model/${action}`,
        `${action}s a model, where that is allowed`,
        async (c, target) => controlModel(c, action, target.model, control),
      ),
    ),
    ...ofModel(version),
    ...ofModel(model),
    metadata(version),
    metadata(model),
  ];
}

function unknownModel(name: string, version: string | undefined): Error {
  const of = version === undefined ? "" : ` version '${version.slice(0, 200)}'`;
  return oipError(
    "oip/unknown-model",
    `Request for unknown model: '${name.slice(0, 200)}'${of} is not found.`,
    "GET /v2/models lists them.",
  );
}
