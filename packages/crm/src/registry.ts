import { CorellaError, nearestName } from "@corella/errors";
import type { z } from "zod";
import type { CrmFeature } from "./features.ts";
import type { Crm } from "./model.ts";
import { autoInt, autoIntSchema } from "./models/autoint.ts";
import { dcnv2, dcnv2Schema } from "./models/dcnv2.ts";
import { deepFm, deepFmSchema } from "./models/deepfm.ts";
import { din, dinSchema } from "./models/din.ts";
import { fiBiNet, fiBiNetSchema } from "./models/fibinet.ts";
import { fiGnn, fiGnnSchema } from "./models/fignn.ts";
import { finalMlp, finalMlpSchema } from "./models/finalmlp.ts";
import { fm, fmSchema } from "./models/fm.ts";
import { gdcn, gdcnSchema } from "./models/gdcn.ts";
import { maskNet, maskNetSchema } from "./models/masknet.ts";
import { wideDeep, wideDeepSchema } from "./models/widedeep.ts";
import { xDeepFm, xDeepFmSchema } from "./models/xdeepfm.ts";

/** A model of the zoo: the schema of its parameters, and how it is built from them. */
export interface CrmModel {
  /** Strict; every field has a default. */
  readonly schema: z.ZodType<object, unknown>;
  /** @param config as the schema accepts it */
  create(config: object, features: readonly CrmFeature[]): Crm;
}

function entry<Config extends object>(
  schema: z.ZodType<Config, unknown>,
  create: (config: Config, features: readonly CrmFeature[]) => Crm,
): CrmModel {
  return { schema, create: (config, features) => create(schema.parse(config), features) };
}

/** The name of a model of the zoo, as configurations say it. */
export type CrmModelName =
  | "DCNv2"
  | "DeepFM"
  | "xDeepFM"
  | "FiBiNET"
  | "AutoInt"
  | "FiGNN"
  | "FM"
  | "WideDeep"
  | "DIN"
  | "MaskNet"
  | "FinalMLP"
  | "GDCN";

/** All models by name. A new one is one file in models/ and one line here. */
export const crmModels: Readonly<Record<CrmModelName, CrmModel>> = {
  DCNv2: entry(dcnv2Schema, dcnv2),
  DeepFM: entry(deepFmSchema, deepFm),
  xDeepFM: entry(xDeepFmSchema, xDeepFm),
  FiBiNET: entry(fiBiNetSchema, fiBiNet),
  AutoInt: entry(autoIntSchema, autoInt),
  FiGNN: entry(fiGnnSchema, fiGnn),
  FM: entry(fmSchema, fm),
  WideDeep: entry(wideDeepSchema, wideDeep),
  DIN: entry(dinSchema, din),
  MaskNet: entry(maskNetSchema, maskNet),
  FinalMLP: entry(finalMlpSchema, finalMlp),
  GDCN: entry(gdcnSchema, gdcn),
};

/**
 * A model's name beside those of its parameters that differ from the defaults: `crossLayers: 4` beside `model: "DCNv2"`.
 */
export interface CrmConfig {
  readonly model: string;
  readonly [parameter: string]: unknown;
}

/**
 * Builds a model from a config such as `{ model: "DCNv2", crossLayers: 4 }`; absent parameters have the model's defaults.
 * @throws CorellaError `crm/unknown-model`, `crm/unknown-parameter`, `crm/bad-parameter`, `crm/features`
 * @example
 * ```ts
 * import { createCrm } from "@corella/crm";
 *
 * const crm = createCrm({ model: "DCNv2", embeddingDim: 8, crossLayers: 2, parallelUnits: [16] }, [
 *   { name: "user", type: "categorical", vocabularySize: 4, table: "user" },
 *   { name: "item", type: "categorical", vocabularySize: 9, table: "item" },
 * ]);
 * // Two fields of 8 numbers go through two cross layers.
 * console.log(crm.hiddenWidths.join(" ")); // 16 16
 * ```
 */
export function createCrm(config: CrmConfig, features: readonly CrmFeature[]): Crm {
  const { name, parameters } = parseCrmConfig(config);
  return crmModels[name].create(parameters, features);
}

/**
 * Checks a config and fills in the defaults of what it leaves out.
 * @throws CorellaError `crm/unknown-model`, `crm/unknown-parameter`, `crm/bad-parameter`
 */
export function parseCrmConfig(config: CrmConfig): {
  name: CrmModelName;
  parameters: object;
} {
  const { model, ...given } = config;
  if (!Object.hasOwn(crmModels, model)) {
    const near = nearestName(model, Object.keys(crmModels));
    throw new CorellaError({
      code: "crm/unknown-model",
      message: `There is no model ${JSON.stringify(model)}.`,
      place: "model",
      remedy:
        near === undefined ? `Use one of ${Object.keys(crmModels).join(", ")}.` : `Did you mean ${near}?`,
    });
  }
  const name = model as CrmModelName;
  const { schema } = crmModels[name];
  const parsed = schema.safeParse(given);
  if (parsed.success) return { name, parameters: parsed.data };
  const issue = parsed.error.issues[0]!;
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const known = parameterNames(schema, issue.path);
    const near = nearestName(key, known);
    throw new CorellaError({
      code: "crm/unknown-parameter",
      message: `${name} has no parameter ${JSON.stringify(key)}.`,
      place: path === "" ? key : `${path}.${key}`,
      remedy: near === undefined ? `It has ${known.join(", ")}.` : `Did you mean ${near}?`,
    });
  }
  throw new CorellaError({
    code: "crm/bad-parameter",
    message: `${name}: ${issue.message}.`,
    place: path,
    remedy: `Its parameters are ${parameterNames(schema, []).join(", ")}.`,
  });
}

/** The parameters that a schema knows at a path, read from what it fills in. */
function parameterNames(schema: z.ZodType<object, unknown>, path: readonly PropertyKey[]): string[] {
  // An empty object at every step of the path makes the schema fill in that object's defaults.
  const probe: Record<string, unknown> = {};
  let inner = probe;
  for (const key of path) inner = inner[String(key)] = {} as Record<string, unknown>;
  let filled: unknown = schema.parse(probe);
  for (const key of path) filled = (filled as Record<string, unknown>)[String(key)];
  return Object.keys(filled as object);
}
