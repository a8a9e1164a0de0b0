import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Bundle, Histories, Router, RoutingCurve } from "@corella/bundle";
import { parseYaml } from "@corella/configuration";
import { z } from "zod";

/** What GET /v1/info tells of the bundle. */
export interface ServiceInfo {
  readonly bundle: {
    readonly name: string;
    /** The first digits of its manifest's SHA-256: other contents, other version. */
    readonly version: string;
  };
  /** One model, or both. */
  readonly models: { readonly crm?: string | undefined; readonly llm?: string | undefined };
  /** Only between two models. */
  readonly router?: Router | undefined;
  /** What each share of the samples to the LLM brought in training; not of bundles of before. */
  readonly routingCurve?: RoutingCurve | undefined;
  /** Only of a CRM. */
  readonly features?: readonly { readonly name: string; readonly type: string }[] | undefined;
  /** Events of a history that the CRM looks at, or without a CRM the LLM. */
  readonly historyLength: number;
  /** Names of the context columns that a sample may bring. */
  readonly context?: readonly string[] | undefined;
  /** The lowest and highest rating that an event may have; undefined where the data have no scale. */
  readonly ratings?: readonly [lowest: number, highest: number] | undefined;
  readonly items: number;
  /** Users whose history the bundle holds. */
  readonly users: number;
}

/** What we want to know of the run's configuration; a bundle may come without it. */
const crmSchema = z.looseObject({ crm: z.looseObject({ model: z.string() }) });
const llmSchema = z.looseObject({
  llm: z.looseObject({
    base: z.union([
      z.looseObject({ kind: z.literal("pretrained"), folder: z.string() }),
      z.looseObject({ kind: z.literal("scratch"), layers: z.number(), hiddenSize: z.number() }),
    ]),
  }),
});

/** The version of the bundle in a folder; undefined where there is none. */
export async function bundleVersion(folder: string): Promise<string | undefined> {
  const manifest = await readFile(join(folder, "manifest.json")).catch(() => undefined);
  return manifest && createHash("sha256").update(manifest).digest("hex").slice(0, 12);
}

/** Tells of an opened bundle what may be known of it. */
export async function describeBundle(bundle: Bundle, histories: Histories): Promise<ServiceInfo> {
  // Every bundle that could be opened has a manifest.
  const version = (await bundleVersion(bundle.folder))!;
  const { name, models, router, routingCurve, featureMap, prompt } = bundle;
  const runConfig = parseYaml(bundle.runConfig ?? "", "the bundle's configuration");
  return {
    bundle: { name, version },
    models: {
      crm: models.includes("crm") ? crmName(runConfig) : undefined,
      llm: models.includes("llm") ? llmName(runConfig) : undefined,
    },
    router,
    routingCurve,
    features: featureMap?.features.map((feature) => ({ name: feature.name, type: feature.type })),
    historyLength: featureMap?.historyLength ?? prompt!.historyLength,
    context: bundle.context && Object.keys(bundle.context),
    ratings: bundle.ratings,
    items: bundle.catalogue.ids.length,
    users: histories.users,
  };
}

function crmName(runConfig: unknown): string {
  const parsed = crmSchema.safeParse(runConfig);
  return parsed.success ? parsed.data.crm.model : "unknown";
}

function llmName(runConfig: unknown): string {
  const parsed = llmSchema.safeParse(runConfig);
  if (!parsed.success) return "unknown";
  const { base } = parsed.data.llm;
  return base.kind === "pretrained"
    ? basename(base.folder)
    : `Llama from scratch, ${base.layers} layers of ${base.hiddenSize}`;
}
