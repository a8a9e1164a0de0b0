import { CorellaError } from "@corella/errors";
import { loraParams, type DecoderConfig, type LoraConfig } from "@corella/llm";
import type { RunConfig } from "../config/config.ts";

/**
 * The adapter that a configuration describes, for a decoder: `lastLayers` becomes the modules of these blocks, with the
 * rank and alpha of all.
 * @throws CorellaError `llm/lora-target` for modules that the decoder does not have, `config/lora-layers`
 */
export function loraOf(
  { lastLayers, ...settings }: RunConfig["llm"]["lora"],
  config: DecoderConfig,
): LoraConfig {
  const lora = settings as LoraConfig;
  const params = loraParams(config, lora);
  if (lastLayers === undefined) return lora;
  if (lastLayers > config.layers) {
    throw new CorellaError({
      code: "config/lora-layers",
      message: `The language model has ${config.layers} blocks, not ${lastLayers}.`,
      place: "llm.lora.lastLayers",
      remedy: `Set it to at most ${config.layers}, or leave it out to adapt all blocks.`,
    });
  }
  const { rank, alpha } = lora;
  const modules = Object.keys(params)
    .map((name) => /^((?:.*\.)?layers\.(\d+)\..*)\.lora_A\.weight$/.exec(name))
    .filter((found) => found !== null && Number(found[2]) >= config.layers - lastLayers)
    .map((found) => [found![1]!, { rank, alpha }]);
  return { ...lora, modules: Object.fromEntries(modules) };
}
