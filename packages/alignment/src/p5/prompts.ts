import type { PromptConfig } from "@corella/modality";
import type { P5Config, PromptFamily } from "../config/p5-config.ts";

/** What the model says of an item that is liked, and of one that is not. */
export const preferenceAnswers = { yes: "like", no: "dislike" } as const;

/** The token of an item, P5's `item_34`: one word, so blanks of its id are none here. */
export function itemWord(id: string): string {
  return `item_${id.replaceAll(" ", "_")}`;
}

const item = "item_{{id | replace(' ', '_')}}";
const user = "{% if user_id %}user_{{user_id | replace(' ', '_')}}{% else %}somebody{% endif %}";
const history = "{{user_history}}";
const target = "{{target_item}}";

/**
 * Several prompts a family, all of them personal: they name the user, tell the history, and ask. Of `direct` the target is the list of
 * candidates. The first one of `preference` scores samples.
 */
export const templates: Readonly<Record<PromptFamily, readonly string[]>> = {
  preference: [
    `${user} : ${history} . ${user} and ${target} : like or dislike ?`,
    `After ${history} , what will ${user} feel about ${target} , like or dislike ?`,
    `Reaction of ${user} to ${target} , knowing ${history} :`,
  ],
  rating: [
    `${user} : ${history} . Points out of {{rating_scale}} for ${target} by ${user} ?`,
    `After ${history} , how many of {{rating_scale}} points does ${user} give ${target} ?`,
  ],
  sequential: [
    `${user} : ${history} . Next favourite ?`,
    `After ${history} , which item will please ${user} ?`,
    `Continue the list of ${user} with one liked item : ${history} ,`,
  ],
  direct: [
    `Candidates ${target} . ${user} : ${history} . Best for ${user} ?`,
    `Pick one for ${user} out of ${target} :`,
    `${user} is open for a suggestion among ${target} . Which one ?`,
  ],
};

/** The name under which a record of `direct` brings its candidates. */
export const candidatesAttribute = "candidates";

/**
 * A prompt of a family as `createPrompt` takes it.
 * @param settings.words what `given` says of an item stands behind its token
 * @param template one of `templates`
 */
export function p5Prompt(
  given: PromptConfig,
  { words, about }: Pick<P5Config, "words" | "about">,
  family: PromptFamily,
  template: string,
): PromptConfig {
  const told = (text: string): string => (words ? ` ${text}` : "");
  const asksOfItem = family === "preference" || family === "rating";
  return {
    ...given,
    template: asksOfItem && about !== "" ? `${about} ${template}` : template,
    historyItem: `{{'liked' if liked else 'disliked'}} ${item}${told(given.historyItem)}`,
    target: family === "direct" ? `{{${candidatesAttribute}}}` : `${item}${told(given.target)}`,
    separator: " , ",
    emptyHistory: "nothing yet",
    // All candidates are told, whatever their ids.
    ...(family === "direct" && { textLimits: { ...given.textLimits, [candidatesAttribute]: 1_000_000 } }),
  };
}
