/**
 * A parameter's name in a checkpoint of Gemma 3: of the text model alone, or of its part in one that sees pictures
 * (Gemma3ForConditionalGeneration), as published (`language_model.model.…`) or as transformers 5 may write it
 * (`model.language_model.…`).
 */
export function gemma3StoredName(name: string, has: (stored: string) => boolean): string {
  const names = [name, `language_model.${name}`, name.replace(/^model\./, "model.language_model.")];
  return names.find(has) ?? name;
}
