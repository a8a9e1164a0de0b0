import { CorellaError } from "@corella/errors";
import type { DeploymentsOptions } from "../deployment/deployments.ts";
import type { OperationsOptions } from "../options/operations.ts";
import { createDrain, type Drain } from "./drain.ts";
import { createLog, type Log } from "./log.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { openShown } from "./shown.ts";
import type { Tracing } from "./tracing.ts";

/** What watches a server from its start to its end. */
export interface OpenedOperations extends Required<Pick<DeploymentsOptions, "onAnswers">> {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
  readonly drain: Drain;
  readonly around: DeploymentsOptions["around"];
  /** Writes and sends what waits. */
  close(): Promise<void>;
}

/**
 * Opens what the options of a command ask for.
 * @throws CorellaError `serve/shown`, `serve/bad-option`
 */
export async function openOperations(options: OperationsOptions): Promise<OpenedOperations> {
  const isText = options.log === "text" || (options.log === "auto" && process.stdout.isTTY);
  const log = createLog(isText ? "text" : "json");
  const metrics = createMetrics({ process: true });
  const { otlp } = options;
  // Its libraries are read only where they are used.
  const tracing =
    otlp === undefined ? undefined : (await import("./tracing.ts")).otlpTracing(collector(otlp));
  const shown =
    options.shown === undefined
      ? undefined
      : await openShown({
          path: options.shown,
          maxBytes: options.shownMegabytes * 1e6,
          users: options.shownUsers,
          key: secretOf(options.shownKeyVariable),
          log,
        });
  return {
    log,
    metrics,
    tracing,
    drain: createDrain(),
    onAnswers(samples, answers, bundle) {
      for (const { route, entropy, fallback } of answers) {
        metrics.answer({
          route,
          entropy,
          bundle: bundle.name,
          version: bundle.version,
          fallback,
        });
      }
      shown?.add(samples, answers, bundle);
    },
    around:
      tracing &&
      ((bundle, rows, work) =>
        tracing.span(
          "score",
          { "corella.bundle": bundle.name, "corella.version": bundle.version, "corella.rows": rows },
          work,
        )),
    async close() {
      await shown?.close();
      await tracing?.close();
    },
  };
}

function collector(url: string): string {
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new CorellaError({
    code: "serve/bad-option",
    message: `"${url}" is not a URL.`,
    place: "--otlp",
    remedy: "Give the collector's address, for example http://localhost:4318.",
  });
}

function secretOf(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const secret = process.env[variable];
  if (secret !== undefined && secret.length >= 16) return secret;
  throw new CorellaError({
    code: "serve/bad-option",
    message: `The environment variable ${variable} holds no key of at least 16 characters.`,
    place: "--shown-key-variable",
    remedy: "Set it, or leave the option out for pseudonyms that change with every start.",
  });
}
