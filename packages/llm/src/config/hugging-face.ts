import { parseConfig } from "../files/parse-config.ts";
import type { DecoderConfig } from "./decoder.ts";
import { gemma3Config, gemma3ToHuggingFace, isGemma3 } from "./gemma.ts";
import { llamaConfig, llamaToHuggingFace } from "./llama.ts";

/**
 * Reads the content of a decoder's config.json, of any supported architecture, in the names of transformers 4
 * (`rope_theta`, `rope_scaling`) or 5 (`rope_parameters`).
 * @param place the file, for the error
 * @throws CorellaError `llm/config` with the first field that is wrong
 */
export function parseDecoderConfig(json: unknown, place: string): DecoderConfig {
  return parseConfig(isGemma3(json) ? gemma3Config : llamaConfig, json, place);
}

/** The content of a decoder's config.json, which transformers 4 and 5 and `parseDecoderConfig` read. */
export function toHuggingFace(config: DecoderConfig): Record<string, unknown> {
  return config.architecture === "gemma3" ? gemma3ToHuggingFace(config) : llamaToHuggingFace(config);
}
