import { partWarnings, recipeNeeds, type PreparedData, type RunConfig } from "@corella/alignment";
import { figureWarnings, judgedSeeds, verdict } from "@corella/evaluation";
import { withPromptDefaults } from "@corella/modality";
import type { Conclusion } from "../figures.ts";
import { servedOf } from "./build.ts";
import { groupsOf, labelsOf, type Built, type TableInputs } from "./inputs.ts";

/** What all tables end with: what came of the models that were trained, whichever tables were asked for, and what is wrong. */
export function concludedTables(
  inputs: TableInputs,
  built: readonly Built[],
  { log, split, ...data }: PreparedData,
  config: RunConfig,
  experimentsFolder: string,
): Conclusion {
  const { runs, rows, seed, models, evaluation } = inputs;
  const ofTables = built.flatMap((one) => one.verdict ?? []);
  const parts = { training: split.train, validation: split.validation, test: rows };
  const ofParts = [
    ...otherCode(runs, experimentsFolder),
    ...partWarnings({
      log,
      parts,
      told: "test",
      featureMap: recipeNeeds[config.recipe].crm ? data.featureMap : undefined,
      prompt: recipeNeeds[config.recipe].prompt ? withPromptDefaults(config.prompt, log) : undefined,
    }),
  ];
  const served = servedOf(runs);
  if (served === undefined) return conclusion(ofTables, ofParts);
  const options = { seed, groups: groupsOf(inputs)(rows) };
  const judged = judgedSeeds(evaluation, models, labelsOf(inputs), options);
  const asksNobody =
    models.find(({ name }) => name === served)!.shareToLlm === 0 && config.recipe === "corella";
  return conclusion(
    [verdict(judged, served, asksNobody), ...ofTables],
    [...ofParts, ...figureWarnings(judged, "test part", served)],
  );
}

/** Runs that other code has made, wholly or in part, and what makes them anew. */
function otherCode(runs: TableInputs["runs"], folder: string): ReturnType<typeof figureWarnings> {
  const titles = runs
    .filter(({ isOfOtherCode }) => isOfOtherCode)
    .map(({ variant, config }) => `${variant.title}, seed ${config.seed}`);
  if (titles.length === 0) return [];
  const message = `Another version of the code has trained or scored, at least in part: ${[...new Set(titles)].join("; ")}.`;
  return [
    {
      message,
      remedy: `To train anew with this one, remove ${folder}, or name another folder by --experiments.`,
    },
  ];
}

function conclusion(sentences: readonly string[], warnings: ReturnType<typeof figureWarnings>): Conclusion {
  return {
    verdict: sentences.filter((text) => text !== "").join(" "),
    warnings: warnings.map(({ message, remedy }) => `${message} ${remedy}`),
  };
}
