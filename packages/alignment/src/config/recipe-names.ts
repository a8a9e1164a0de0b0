/** Names of the recipes, the default first. */
export const recipeNames = ["corella", "crm-only", "llm-only", "ctrl", "tallrec", "p5"] as const;

/** Name of a recipe, as `recipe:` of a configuration gives it. */
export type RecipeName = (typeof recipeNames)[number];

/** What a recipe trains, and what it reads of the data. */
export interface RecipeNeeds {
  /** It trains a CRM, so it reads features. */
  readonly crm: boolean;
  /** It trains the model that `llm` of a configuration describes. */
  readonly llm: boolean;
  /** It reads samples as text. */
  readonly prompt: boolean;
}

/** What each recipe needs. */
export const recipeNeeds: Readonly<Record<RecipeName, RecipeNeeds>> = {
  corella: { crm: true, llm: true, prompt: true },
  "crm-only": { crm: true, llm: false, prompt: false },
  "llm-only": { crm: false, llm: true, prompt: true },
  ctrl: { crm: true, llm: false, prompt: true },
  tallrec: { crm: false, llm: true, prompt: true },
  p5: { crm: false, llm: false, prompt: true },
};
