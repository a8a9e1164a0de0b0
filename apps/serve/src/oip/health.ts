import { CorellaError, formatError } from "@corella/errors";
import type { Context } from "hono";
import type { Deployment } from "../deployment/deployment.ts";

/**
 * Answers whether models are ready, with status 200 or 503: clients judge by it, and KServe's reads `ready` of the server.
 * @param told what the body says beside
 */
export async function answerReadiness(
  c: Context,
  deployments: readonly Deployment[],
  told: Readonly<Record<string, unknown>>,
  log: (line: string) => void,
): Promise<Response> {
  try {
    await Promise.all(deployments.map(({ readiness }) => readiness.check()));
    return c.json({ ...told, ready: true });
  } catch (error) {
    const loading = CorellaError.isInstance(error) && error.code === "serve/loading";
    if (!loading) log(`not ready: ${formatError(error)}`);
    const text = loading ? error.message : "A model cannot answer at the moment.";
    return c.json({ ...told, ready: false, error: text }, 503);
  }
}
