import type { NameInFile } from "../files/tensor-folder.ts";
import type { DecoderConfig } from "./decoder.ts";

/** How a decoder's parameters are named in published checkpoints of its architecture. */
export function storedName({ architecture }: DecoderConfig): NameInFile {
  return (name, has) => {
    const names = architecture === "gemma3" ? gemma3Names(name) : [name];
    // The decoder without its head, as some checkpoints are saved.
    return [...names, name.replace(/^model\./, "")].find(has) ?? name;
  };
}

/**
 * What transformers, and so PEFT, calls a decoder's module or parameter in the checkpoint that was loaded. From version 4.52
 * on the text model of one that sees pictures is `model.language_model`, whatever its files say.
 */
export function nameInModel({ multimodal }: DecoderConfig, name: string): string {
  return multimodal === true ? name.replace(/^model\./, "model.language_model.") : name;
}

/**
 * What a parameter may be called in a checkpoint of Gemma 3: of the text model alone, or of its part in one that sees pictures
 * (Gemma3ForConditionalGeneration), as published (`language_model.model.…`) or as transformers 5 may write it
 * (`model.language_model.…`).
 */
function gemma3Names(name: string): string[] {
  return [name, `language_model.${name}`, name.replace(/^model\./, "model.language_model.")];
}
