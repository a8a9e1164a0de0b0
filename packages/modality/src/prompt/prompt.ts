import { CorellaError } from "@corella/errors";
import { Template } from "@huggingface/jinja";
import type { Catalogue } from "../catalogue.ts";
import { type Attributes, decimalRating, isLiked } from "../log.ts";
import type { HistoryEvent, RatingRecord } from "../record.ts";
import { parseWith } from "../config.ts";
import { type PromptConfig, promptSchema } from "./config.ts";
import { cleanText, mapText, normaliseTitle, targetEnd, targetStart } from "./text.ts";

/** A prompt in three: records of one user share the prefix (and the suffix), so a model may compute it once. */
export interface PromptSegments {
  prefix: string;
  target: string;
  suffix: string;
}

export interface Prompt {
  readonly config: PromptConfig;
  /** The prompt of a record; attributes that it does not bring come from the catalogue. */
  render(record: RatingRecord, catalogue?: Catalogue): string;
  /** The same text, cut where the target begins and ends. */
  segments(record: RatingRecord, catalogue?: Catalogue): PromptSegments;
}

interface Templates {
  prompt: Template;
  historyItem: Template;
  listItem: Template;
  target: Template;
}

/**
 * @param options.countTokens with `config.maxTokens`: history items are dropped, oldest first, until the prompt fits.
 *   When it does not even fit without history, it is rendered without.
 * @throws CorellaError for a template that is not Jinja.
 */
export function createPrompt(
  config: Partial<PromptConfig> = {},
  options: { countTokens?: (text: string) => number } = {},
): Prompt {
  const parsed = parseWith(promptSchema, config, "prompt");
  const templates: Templates = {
    prompt: compile("template", parsed.template),
    historyItem: compile("historyItem", parsed.historyItem),
    listItem: compile("listItem", parsed.listItem),
    target: compile("target", parsed.target),
  };
  const render = (record: RatingRecord, catalogue: Catalogue | undefined): string => {
    const longest = Math.min(parsed.historyLength, record.history.length);
    const text = renderMarked(parsed, templates, record, catalogue, longest);
    const { countTokens } = options;
    const { maxTokens } = parsed;
    const fits = (marked: string): boolean =>
      countTokens === undefined || maxTokens === undefined || countTokens(unmark(marked)) <= maxTokens;
    if (fits(text)) return text;
    let [fitting, tooLong] = [0, longest];
    let best = renderMarked(parsed, templates, record, catalogue, 0);
    while (tooLong - fitting > 1) {
      const middle = (fitting + tooLong) >> 1;
      const candidate = renderMarked(parsed, templates, record, catalogue, middle);
      if (fits(candidate)) [fitting, best] = [middle, candidate];
      else tooLong = middle;
    }
    return best;
  };
  return {
    config: parsed,
    render: (record, catalogue) => unmark(render(record, catalogue)),
    segments: (record, catalogue) => cut(render(record, catalogue)),
  };
}

function compile(name: string, template: string): Template {
  try {
    return new Template(template);
  } catch (cause) {
    throw new CorellaError({
      code: "prompt/bad-template",
      message: `The template is not Jinja: ${cause instanceof Error ? cause.message : String(cause)}`,
      place: `prompt.${name}`,
      remedy: "See https://jinja.palletsprojects.com for the syntax.",
      cause,
    });
  }
}

/** The prompt with the marks of the target still in it. */
function renderMarked(
  config: PromptConfig,
  templates: Templates,
  record: RatingRecord,
  catalogue: Catalogue | undefined,
  length: number,
): string {
  const describe = (id: string, attributes: Attributes | undefined): Record<string, unknown> => {
    const known = cleanAttributes(config, attributes ?? {});
    const cleanId = cleanText(id, config.maxTextLength, config.specialTokens);
    return {
      ...known,
      title: known.title === undefined || known.title === "" ? cleanId : known.title,
      id: cleanId,
    };
  };
  const events = length === 0 ? [] : record.history.slice(-length);
  const history = events.map((event: HistoryEvent) => ({
    ...describe(event.item, catalogue?.attributesOf(event.item)),
    rating: decimalRating(event.rating),
    liked: isLiked(event.rating, config.likedThreshold),
    rating_scale: config.ratingScale,
  }));
  const list = (items: typeof history, template: Template): string =>
    items.length === 0
      ? config.emptyHistory
      : items.map((item) => template.render(item)).join(config.separator);
  const target = describe(record.item, record.itemAttributes ?? catalogue?.attributesOf(record.item));
  const mark = (text: string): string => `${targetStart}${text}${targetEnd}`;
  return templates.prompt.render({
    user_history: list(history, templates.historyItem),
    liked: list(
      history.filter(({ liked }) => liked),
      templates.listItem,
    ),
    disliked: list(
      history.filter(({ liked }) => !liked),
      templates.listItem,
    ),
    history,
    target_item: mark(templates.target.render(target)),
    target: mapText(target as Attributes, mark),
    user: cleanAttributes(config, record.userAttributes ?? {}),
    rating_scale: config.ratingScale,
  });
}

function cleanAttributes(config: PromptConfig, attributes: Attributes): Attributes {
  return mapText(attributes, (text, name) => {
    const clean = cleanText(text, config.maxTextLength, config.specialTokens);
    return name === "title" && config.normaliseTitles ? normaliseTitle(clean) : clean;
  });
}

function unmark(marked: string): string {
  return marked.replaceAll(targetStart, "").replaceAll(targetEnd, "");
}

function cut(marked: string): PromptSegments {
  const start = marked.indexOf(targetStart);
  const end = marked.lastIndexOf(targetEnd);
  if (start < 0) return { prefix: marked, target: "", suffix: "" };
  return {
    prefix: marked.slice(0, start),
    target: unmark(marked.slice(start, end)),
    suffix: marked.slice(end + targetEnd.length),
  };
}
