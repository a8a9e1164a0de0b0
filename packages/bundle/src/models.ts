import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import { crmFiles } from "./crm-files.ts";
import { damaged } from "./folder-files.ts";
import { llmFiles, t5Files, type LlmKind } from "./llm-files.ts";
import { manifestFile, type Manifest } from "./manifest.ts";
import { routerFile } from "./router.ts";

/** The two kinds of model that a bundle may hold. */
export const modelNames = ["crm", "llm"] as const;

/** The name of a kind of model. */
export type ModelName = (typeof modelNames)[number];

/** What every bundle holds, whichever its models. */
const commonFiles = ["bundle.json", "catalogue.json", "histories.json", "histories.safetensors"];

/**
 * The models of a bundle, by the files that its manifest lists.
 * @throws CorellaError `bundle/damaged` when a file is not listed that they need, and those of `checkModels`
 */
export function modelsListed(folder: string, manifest: Manifest): readonly ModelName[] {
  const { files } = manifest;
  const place = join(folder, manifestFile);
  const filesOf = { crm: crmFiles, llm: llmKindOf(manifest) === "t5" ? t5Files : llmFiles };
  const models = modelNames.filter((model) => filesOf[model][0] in files);
  checkModels(models, routerFile in files, place);
  requireListed(folder, manifest, [...commonFiles, ...models.flatMap((model) => filesOf[model])]);
  return models;
}

/** The architecture of the LLM of a bundle that has one, by the files that its manifest lists. */
export function llmKindOf({ files }: Manifest): LlmKind {
  return t5Files[1] in files ? "t5" : "decoder";
}

/**
 * Checks that a manifest lists files which a bundle needs.
 * @throws CorellaError `bundle/damaged`, naming the first that is missing
 */
export function requireListed(folder: string, { files }: Manifest, needed: readonly string[]): void {
  const missing = needed.find((file) => !(file in files));
  if (missing === undefined) return;
  throw damaged(join(folder, manifestFile), `The bundle's manifest does not list ${missing}.`);
}

/**
 * Checks that there is a model, and a router exactly when there are two.
 * @param place the folder or file that is told of in errors
 * @throws CorellaError `bundle/empty`, `bundle/router`
 */
export function checkModels(models: readonly ModelName[], hasRouter: boolean, place: string): void {
  if (models.length === 0) {
    throw new CorellaError({
      code: "bundle/empty",
      message: "The bundle has neither a CRM nor an LLM.",
      place,
      remedy: "Give it one of them, or both with a router.",
    });
  }
  const needsRouter = models.length === 2;
  if (hasRouter === needsRouter) return;
  throw new CorellaError({
    code: "bundle/router",
    message: needsRouter
      ? "The bundle has two models and no router between them."
      : `The bundle has a router, but only ${nameOf[models[0]!]}.`,
    place,
    remedy: needsRouter ? "Give it a router." : "Leave the router out, or add the other model.",
  });
}

/** The error of a question to a model that a bundle does not hold. */
export function noModel(model: ModelName, folder: string): CorellaError {
  return new CorellaError({
    code: "bundle/no-model",
    message: `The bundle has no ${model === "crm" ? "CRM" : "LLM"}.`,
    place: folder,
    remedy: `Use another bundle, or the ${model === "crm" ? "LLM" : "CRM"}, which is the only model of this one.`,
  });
}

const nameOf = { crm: "a CRM", llm: "an LLM" } as const;
