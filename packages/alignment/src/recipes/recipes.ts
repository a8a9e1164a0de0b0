import type { RecipeName } from "../config/recipe-names.ts";
import { corella } from "./corella.ts";
import { crmOnly } from "./crm-only.ts";
import { ctrl } from "./ctrl.ts";
import { llmOnly } from "./llm-only.ts";
import { p5 } from "./p5.ts";
import type { Recipe } from "./recipe.ts";
import { tallrec } from "./tallrec.ts";

/** All recipes by the name that `recipe:` of the configuration gives. A new one is one file beside this and one line here. */
export const recipes: Readonly<Record<RecipeName, Recipe>> = {
  corella,
  "crm-only": crmOnly,
  "llm-only": llmOnly,
  ctrl,
  tallrec,
  p5,
};
