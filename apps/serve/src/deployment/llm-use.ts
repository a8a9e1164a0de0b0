import { CorellaError } from "@corella/errors";
import type { RoutingPolicy } from "@corella/routing";
import type { ServiceInfo } from "./info.ts";
import type { LlmUse } from "./sample.ts";

/**
 * The routing policy that a request asks for; undefined where the bundle's own decides, or its only model.
 * @throws CorellaError `serve/no-model` when the bundle has not the model that alone shall answer
 */
export function policyOf(llm: LlmUse, models: ServiceInfo["models"]): RoutingPolicy | undefined {
  if (llm === "auto") return undefined;
  if (models[llm === "always" ? "llm" : "crm"] === undefined) {
    throw new CorellaError({
      code: "serve/no-model",
      message: `This server has no ${llm === "always" ? "LLM" : "CRM"}.`,
      place: "llm",
      remedy: 'Leave "llm" out: there is one model only, and it answers every sample.',
    });
  }
  return { kind: llm === "always" ? "all" : "none" };
}
