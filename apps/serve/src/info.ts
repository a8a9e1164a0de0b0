import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Bundle, Histories, Router } from "@corella/bundle";
import { parse } from "yaml";
import { z } from "zod";

/** What GET /v1/info tells of the bundle. */
export interface ServiceInfo {
  readonly bundle: {
    readonly name: string;
    /** The first digits of its manifest's SHA-256: other contents, other version. */
    readonly version: string;
  };
  readonly models: { readonly crm: string; readonly llm: string };
  readonly router: Router;
  readonly features: readonly { readonly name: string; readonly type: string }[];
  /** Events of a history that the CRM looks at. */
  readonly historyLength: number;
  readonly items: number;
  /** Users whose history the bundle holds. */
  readonly users: number;
}

/** What we want to know of the run's configuration; a bundle may come without it. */
const runConfigSchema = z.looseObject({
  crm: z.looseObject({ model: z.string() }),
  llm: z.looseObject({
    base: z.union([
      z.looseObject({ kind: z.literal("pretrained"), folder: z.string() }),
      z.looseObject({ kind: z.literal("scratch"), layers: z.number(), hiddenSize: z.number() }),
    ]),
  }),
});

export async function describeBundle(bundle: Bundle, histories: Histories): Promise<ServiceInfo> {
  const manifest = await readFile(join(bundle.folder, "manifest.json"));
  return {
    bundle: { name: bundle.name, version: createHash("sha256").update(manifest).digest("hex").slice(0, 12) },
    models: modelsOf(bundle.runConfig ?? ""),
    router: bundle.router!,
    features: bundle.featureMap!.features.map(({ name, type }) => ({ name, type })),
    historyLength: bundle.featureMap!.historyLength,
    items: bundle.catalogue.ids.length,
    users: histories.users,
  };
}

function modelsOf(runConfig: string): ServiceInfo["models"] {
  const parsed = runConfigSchema.safeParse(parse(runConfig));
  if (!parsed.success) return { crm: "unknown", llm: "unknown" };
  const { crm, llm } = parsed.data;
  const { base } = llm;
  return {
    crm: crm.model,
    llm:
      base.kind === "pretrained"
        ? basename(base.folder)
        : `Llama from scratch, ${base.layers} layers of ${base.hiddenSize}`,
  };
}
