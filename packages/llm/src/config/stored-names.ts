import type { NameInFile } from "../files/tensor-folder.ts";
import type { DecoderConfig } from "./decoder.ts";

/** How a decoder's parameters are named in published checkpoints of its architecture. */
export function storedName({ architecture }: DecoderConfig): NameInFile {
  return architecture === "gemma3" ? gemma3StoredName : (name) => name;
}

/**
 * A parameter's name in a checkpoint of Gemma 3: of the text model alone, or of its part in one that sees pictures
 * (Gemma3ForConditionalGeneration), as published (`language_model.model.…`) or as transformers 5 may write it
 * (`model.language_model.…`).
 */
const gemma3StoredName: NameInFile = (name, has) => {
  const names = [name, `language_model.${name}`, name.replace(/^model\./, "model.language_model.")];
  return names.find(has) ?? name;
};
