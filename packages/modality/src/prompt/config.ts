import { z } from "zod";

/** Template A of the paper (method.md section 1), verbatim; the space after "Answer:" is the paper's. */
export const templateA: string =
  "Below is the rating history of a user: {{user_history}}. Please predict whether the user will like {{target_item}} based on his/her rating history and the quality of the target item. You should ONLY answer no or yes. Answer: ";

/** Liked and disliked titles apart; the cheaper one to read for a small model. */
export const templateLikes: string =
  "A user liked: {{liked}}. The user disliked: {{disliked}}. Will the user like {{target_item}}? Answer no or yes. Answer: ";

/** Prompts that tell all there is to know: who the user is, and year, genres, author and plot of the items. */
export const attributeRich: Partial<PromptConfig> = {
  template:
    "{% if user %}About the user: {% for name, value in user.items() %}{{name}} {{value}}{% if not loop.last %}, {% endif %}{% endfor %}. {% endif %}Rating history, oldest first: {{user_history}}. Will the user like {{target_item}}? Answer no or yes. Answer: ",
  historyItem:
    '"{{title}}{% if year %} ({{year}}){% endif %}"{% if author %} by {{author}}{% endif %}{% if genres %}, {{genres | join(", ")}}{% endif %}: {{rating}}/{{rating_scale}}',
  target:
    '"{{title}}{% if year %} ({{year}}){% endif %}"{% if author %} by {{author}}{% endif %}{% if genres %} ({{genres | join(", ")}}){% endif %}{% if plot %}, about: {{plot}}{% endif %}',
  separator: "; ",
  textLimits: { plot: 400 },
};

/** How a record becomes text, with every default filled in. */
export interface PromptConfig {
  /** Jinja; knows user_history, target_item, liked, disliked, history, target, user, user_id, context, crm_percent, rating_scale. */
  template: string;
  /** How many history items are told. */
  historyLength: number;
  /**
   * Above 1, the events told begin with one whose number in the user's whole history is a multiple of this, so that the
   * prompts of so many samples in turn begin alike: more than `historyLength - historyHop` events, where there are as many.
   */
  historyHop: number;
  /**
   * Which: the newest (`none`), or those most similar to the target by the CRM's item embeddings or the LLM's hidden
   * states of the items' text (ReLLa); looked for in the history that a record brings.
   */
  retrieval: "none" | "crm" | "llm";
  /** Jinja of one history item; knows its attributes, id, rating, liked, rating_scale. */
  historyItem: string;
  /** Jinja of one item of the liked and disliked lists. */
  listItem: string;
  /** Jinja of the target; knows its attributes and id, and the sample's context. */
  target: string;
  separator: string;
  /** Stands for an empty list. */
  emptyHistory: string;
  /** The highest rating. */
  ratingScale: number;
  /** Ratings of at least this are liked. */
  likedThreshold: number;
  /**
   * Ratings of at least this are positive events to running statistics: the log's threshold, whatever the prompt calls liked. No setting:
   * `withPromptDefaults` and bundles fill it in; absent, as in bundles of before: `likedThreshold`.
   */
  labelThreshold?: number | undefined;
  /** "Matrix, The" -> "The Matrix" */
  normaliseTitles: boolean;
  /** Longer text attributes are cut, in characters. */
  maxTextLength: number;
  /** Limits of single attributes, where they differ. */
  textLimits: Record<string, number>;
  /** Most tokens of a prompt, counted by `countTokens`: the oldest history items are dropped until it fits. */
  maxTokens?: number | undefined;
  /** Strings that the tokenizer treats as special; broken up where they stand in item text. */
  specialTokens: string[];
}

/** What follows from the data where a configuration leaves it out. */
type OfData = "historyLength" | "historyItem" | "ratingScale" | "likedThreshold";

/** How a record becomes text, as a run's configuration says it; `withPromptDefaults` adds what follows from its data. */
export type PromptSettings = Omit<PromptConfig, OfData | "labelThreshold"> &
  Partial<Pick<PromptConfig, OfData>>;

const titleAndYear = "{{title}}{% if year %} ({{year}}){% endif %}";

/** History items where there is nothing but labels: a number of stars would be made up. */
export const historyItemOfLabels: string = `"${titleAndYear}" ({{"liked" if liked else "disliked"}})`;

/** What a prompt has where neither a configuration nor data say it. */
export const defaultsOfData: Pick<PromptConfig, OfData> = {
  historyLength: 10,
  historyItem: `"${titleAndYear}" ({{rating}}/{{rating_scale}})`,
  ratingScale: 5,
  likedThreshold: 4,
};

const settingsShape = {
  template: z.string().min(1).default(templateA),
  historyLength: z.int().nonnegative().optional(),
  historyHop: z.int().positive().default(1),
  retrieval: z.enum(["none", "crm", "llm"]).default("none"),
  historyItem: z.string().min(1).optional(),
  listItem: z.string().min(1).default(`"${titleAndYear}"`),
  target: z.string().min(1).default(`"${titleAndYear}"{% if genres %} ({{genres | join(", ")}}){% endif %}`),
  separator: z.string().default(", "),
  emptyHistory: z.string().default("none"),
  ratingScale: z.number().positive().optional(),
  likedThreshold: z.number().optional(),
  normaliseTitles: z.boolean().default(false),
  maxTextLength: z.int().positive().default(150),
  textLimits: z.record(z.string(), z.int().positive()).default({}),
  maxTokens: z.int().positive().optional(),
  specialTokens: z.array(z.string().min(1)).default([]),
};

function hopFits({ historyHop, historyLength = defaultsOfData.historyLength }: PromptSettings): boolean {
  return historyHop <= Math.max(1, historyLength);
}
const hopIssue = { path: ["historyHop"], error: "must be at most historyLength" };

/** The text modality, as a run's YAML may say it. */
export const promptSettingsSchema: z.ZodType<PromptSettings, Partial<PromptConfig>> = z
  .strictObject(settingsShape)
  .refine(hopFits, hopIssue) as z.ZodType<PromptSettings, Partial<PromptConfig>>;

/** The text modality without a log: what would follow from its data is that of ratings of 1 to 5. */
export const promptSchema: z.ZodType<PromptConfig, Partial<PromptConfig>> = z
  .strictObject({ ...settingsShape, labelThreshold: z.number().optional() })
  .refine(hopFits, hopIssue)
  .transform((settings) => ({ ...settings, ...filledIn(defaultsOfData, settings) })) as z.ZodType<
  PromptConfig,
  Partial<PromptConfig>
>;

/** The defaults, where the settings do not say otherwise. */
export function filledIn(
  defaults: Pick<PromptConfig, OfData>,
  settings: PromptSettings,
): Pick<PromptConfig, OfData> {
  return {
    historyLength: settings.historyLength ?? defaults.historyLength,
    historyItem: settings.historyItem ?? defaults.historyItem,
    ratingScale: settings.ratingScale ?? defaults.ratingScale,
    likedThreshold: settings.likedThreshold ?? defaults.likedThreshold,
  };
}
