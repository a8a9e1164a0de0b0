import { CorellaError } from "@corella/errors";
import { Template } from "@huggingface/jinja";
import type { Catalogue } from "../catalogue.ts";
import { type Attributes, decimalRating, isLiked } from "../log.ts";
import type { HistoryEvent } from "../record.ts";
import type { PromptConfig } from "./config.ts";
import { checkNames } from "./names.ts";
import {
  contextNames,
  rewriteTemplate,
  roundTo,
  roundVariable,
  saysCrm,
  statisticsVariable,
} from "./rewrite.ts";
import { type StatisticSide, statisticsContext } from "./statistics.ts";
import { cleanText, mapText, normaliseTitle } from "./text.ts";

/** A template of a prompt. */
export interface CompiledTemplate {
  /** Running statistics that it says, such as `item.mean`. */
  readonly statistics: ReadonlySet<string>;
  /** Columns of the sample's context that it says. */
  readonly context: ReadonlySet<string>;
  /** Whether it says what the CRM says of the sample. */
  readonly crm: boolean;
  /**
   * Renders it.
   * @param statistics of the sample, or of the event that it tells, by name; read where the template says some
   * @throws CorellaError `prompt/bad-template`
   */
  render(context: Record<string, unknown>, statistics?: Readonly<Record<string, number>>): string;
}

/** Whose statistics the templates know. */
const sidesKnown: Partial<Record<keyof PromptConfig, readonly StatisticSide[]>> = {
  template: ["item", "user"],
  historyItem: ["item", "user"],
  target: ["item"],
};

/**
 * Compiles one of the templates of a prompt.
 * @param name the key of the configuration that holds it, for errors
 * @throws CorellaError `prompt/bad-template`, also when it is rendered
 */
export function compileTemplate(name: keyof PromptConfig, source: string): CompiledTemplate {
  const fail = (problem: string, cause: unknown): CorellaError =>
    new CorellaError({
      code: "prompt/bad-template",
      message: `The template ${problem}: ${cause instanceof Error ? cause.message : String(cause)}`,
      place: `prompt.${name}`,
      remedy:
        "See https://jinja.palletsprojects.com for the syntax, and the README for what a template knows.",
      cause,
    });
  let template: Template;
  let statistics: ReadonlySet<string>;
  let names: ReadonlySet<string>;
  let crm = false;
  try {
    template = new Template(source);
    names = contextNames([template.parsed]) ?? new Set();
    crm = name === "template" && saysCrm([template.parsed]);
    statistics = rewriteTemplate(template, sidesKnown[name] ?? [], { events: name === "historyItem" });
    if (name === "template") checkNames(template);
  } catch (cause) {
    if (CorellaError.isInstance(cause)) throw cause;
    throw fail("is not Jinja", cause);
  }
  const render: CompiledTemplate["render"] = (context, values = {}) => {
    const known: Record<string, unknown> = { ...context, [roundVariable]: roundTo };
    if (statistics.size > 0) known[statisticsVariable] = ofAttributes(statisticsContext(values), context);
    try {
      return template.render(known);
    } catch (cause) {
      throw fail("cannot be rendered", cause);
    }
  };
  return { statistics, context: names, crm, render };
}

/** An attribute of the user that is called like a statistic comes first: it is what the user brings. */
function ofAttributes(
  statistics: ReturnType<typeof statisticsContext>,
  { user }: Record<string, unknown>,
): Record<StatisticSide, object> {
  return { ...statistics, user: { ...statistics.user, ...(user as Attributes | undefined) } };
}

/** What templates know of an item: its attributes, cleaned; its title, or else its id; its id. */
export function describeItem(
  config: PromptConfig,
  id: string,
  attributes: Attributes | undefined,
): Attributes {
  const known = cleanAttributes(config, attributes ?? {});
  const cleanId = cleanText(id, config.maxTextLength, config.specialTokens);
  const title = known.title === undefined || known.title === "" ? cleanId : known.title;
  return { ...known, title, id: cleanId };
}

/**
 * Attributes whose texts are safe inside a prompt and cut to their limits, and whose names are, which a template may say too; titles
 * are normalised where the config asks.
 */
export function cleanAttributes(config: PromptConfig, attributes: Attributes): Attributes {
  const { maxTextLength, specialTokens } = config;
  const isPlain = Object.keys(attributes).every((name) => plainName.test(name));
  const named = isPlain
    ? attributes
    : Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [
          cleanText(name, maxTextLength, specialTokens),
          value,
        ]),
      );
  return mapText(named, (text, name) => {
    const limit = Object.hasOwn(config.textLimits, name) ? config.textLimits[name]! : maxTextLength;
    const clean = cleanText(text, limit, specialTokens);
    return name === "title" && config.normaliseTitles ? normaliseTitle(clean) : clean;
  });
}

/** A name that no tokenizer takes for anything but a word. */
const plainName = /^[\p{L}\p{N}_-]{1,64}$/u;

/** A history event as templates see it, and its texts in the two kinds of lists. */
export interface DescribedEvent {
  context: Record<string, unknown>;
  liked: boolean;
  historyItem: string;
  listItem: string;
}

const maxKept = 100_000;

/** Describes the events of histories. */
export interface EventWriter {
  /** Running statistics that it says of each event; an event has to bring them. */
  readonly statistics: ReadonlySet<string>;
  describe(event: HistoryEvent, catalogue: Catalogue | undefined): DescribedEvent;
}

/** Describes events; what was written for an item of the catalogue and a rating is kept, since items come again and again. */
export function createEventWriter(config: PromptConfig): EventWriter {
  const historyItem = compileTemplate("historyItem", config.historyItem);
  const listItem = compileTemplate("listItem", config.listItem);
  const write = (event: HistoryEvent, catalogue: Catalogue | undefined): DescribedEvent => {
    const liked = isLiked(event.rating, config.likedThreshold);
    const context = {
      ...describeItem(config, event.item, catalogue?.attributesOf(event.item)),
      rating: decimalRating(event.rating),
      liked,
      rating_scale: config.ratingScale,
    };
    return {
      context,
      liked,
      historyItem: historyItem.render(context, event.statistics),
      listItem: listItem.render(context),
    };
  };
  const said = [...historyItem.statistics];
  const kept = new WeakMap<Catalogue, Map<string, DescribedEvent>>();
  const describe: EventWriter["describe"] = (event, catalogue) => {
    if (catalogue === undefined || !catalogue.has(event.item)) return write(event, catalogue);
    let ofCatalogue = kept.get(catalogue);
    if (ofCatalogue === undefined) kept.set(catalogue, (ofCatalogue = new Map()));
    const told = said.map((name) => event.statistics?.[name]).join();
    const key = `${event.rating} ${told} ${event.item}`;
    let described = ofCatalogue.get(key);
    if (described === undefined) {
      if (ofCatalogue.size >= maxKept) ofCatalogue.clear();
      ofCatalogue.set(key, (described = write(event, catalogue)));
    }
    return described;
  };
  return { statistics: historyItem.statistics, describe };
}
