import { loadPredictor, openBundle, type Predictor } from "@corella/bundle";
import { saveTinyBundle } from "@corella/bundle/testing";
import type { InteractionLog } from "@corella/modality";
import type { Hono } from "hono";
import { createApp } from "../app.ts";
import { createDeployment, type Deployment } from "../deployment/deployment.ts";
import { oneDeployment } from "../deployment/deployments.ts";
import { exampleRequest } from "../deployment/example.ts";
import { describeBundle } from "../deployment/info.ts";
import { modelInputs } from "../deployment/model-inputs.ts";

/** A bundle of two real models, untrained and small, in this process. */
export interface TinyServer {
  readonly log: InteractionLog;
  readonly predictor: Predictor;
  readonly deployment: Deployment;
  /** Makes an app, of which nothing was asked yet. */
  app(): Hono;
}

/** Saves a tiny bundle and opens it. */
export async function tinyServer(folder: string): Promise<TinyServer> {
  const log = await saveTinyBundle(folder);
  const bundle = await openBundle(folder);
  const histories = await bundle.histories();
  const predictor = await loadPredictor(bundle, { runtime: { threads: 1 } });
  const deployment = createDeployment({
    predictor,
    histories,
    catalogue: bundle.catalogue,
    info: await describeBundle(bundle, histories),
    inputs: modelInputs(bundle),
    example: exampleRequest(bundle, histories),
    log: () => {},
  });
  return {
    log,
    predictor,
    deployment,
    app: () => createApp(oneDeployment(deployment), { log: () => {} }),
  };
}
