import { CorellaError } from "@corella/errors";
import type { Catalogue } from "../catalogue.ts";
import { parseWith } from "../config.ts";
import { statisticsOfRecord, withEventStatistics } from "../features/statistic.ts";
import type { RatingRecord } from "../record.ts";
import type { StatisticsPlan } from "../statistics/plan.ts";
import type { RunningStatistics } from "../statistics/running-statistics.ts";
import { type PromptConfig, promptSchema } from "./config.ts";
import {
  cleanAttributes,
  compileTemplate,
  createEventWriter,
  type DescribedEvent,
  describeItem,
} from "./describe.ts";
import { type ChooseEvents, type ItemEmbedding, mostSimilarEvents, newestEvents } from "./similar.ts";
import { crmVariable } from "./rewrite.ts";
import { planOfTemplates } from "./statistics.ts";
import { cleanText, targetEnd, targetStart } from "./text.ts";

/**
 * A prompt in three: records of one user share the prefix (and the suffix), so a model may compute it once. Not so where
 * an embedding chooses the history: it does so for each target.
 */
export interface PromptSegments {
  prefix: string;
  target: string;
  suffix: string;
}

/** Turns records into text. */
export interface Prompt {
  readonly config: PromptConfig;
  /** What is counted for the statistics that the templates say; undefined where they say none. */
  readonly statistics: StatisticsPlan | undefined;
  /** The columns of a sample's context that the templates say. */
  readonly context: ReadonlySet<string>;
  /** Whether the template says what the CRM says of the sample (`crm_percent`): records have to bring `pCrm`. */
  readonly saysCrm: boolean;
  /**
   * The prompt of a record; attributes that it does not bring come from the catalogue, statistics from what was counted.
   * @param counted up to now; may be absent where the record brings its own, or the templates say none
   * @throws CorellaError `features/no-statistics` where a statistic comes from neither, `features/no-event-statistics` where one
   * of an event does, `prompt/no-crm`
   */
  render(record: RatingRecord, catalogue?: Catalogue, counted?: RunningStatistics): string;
  /** The prompt of a record, cut where the target, and what is said of it, begins and ends. */
  segments(record: RatingRecord, catalogue?: Catalogue, counted?: RunningStatistics): PromptSegments;
}

/** The text with the marks of the target still in it, telling of the given events. */
type WriteMarked = (
  record: RatingRecord,
  catalogue: Catalogue | undefined,
  statistics: RatingRecord["statistics"],
  events: ReturnType<ChooseEvents>,
) => string;

/**
 * Makes what turns records into text.
 * @param options.countTokens with `config.maxTokens`: history items are dropped, oldest first, until the prompt fits.
 *   When it does not even fit without history, it is rendered without.
 * @param options.embedding for `config.retrieval`: the prompt tells of the `historyLength` items of the record's history
 *   that are most similar to the target, instead of the newest; for `maxTokens` the least similar are dropped first.
 * @param options.told is called with each prompt that is made: how many history items it tells, of how many it would without
 *   `config.maxTokens`
 * @throws CorellaError for a template that is not Jinja; `prompt/no-embedding`
 */
export function createPrompt(
  config: Partial<PromptConfig> = {},
  options: {
    countTokens?: ((text: string) => number) | undefined;
    embedding?: ItemEmbedding | undefined;
    told?: ((events: number, wanted: number) => void) | undefined;
  } = {},
): Prompt {
  const parsed = parseWith(promptSchema, config, "prompt");
  const { write, statistics, context, crm } = createWriter(parsed);
  const { countTokens } = options;
  const { maxTokens, labelThreshold = parsed.likedThreshold } = parsed;
  const embedding = parsed.retrieval === "none" ? undefined : options.embedding;
  if (parsed.retrieval !== "none" && embedding === undefined) throw needsEmbedding(parsed.retrieval);
  const fitting = (
    asked: RatingRecord,
    catalogue: Catalogue | undefined,
    counted: RunningStatistics | undefined,
  ): string => {
    const counts = toldCounts(asked, parsed);
    const newest = embedding === undefined ? counts[0]! : asked.history.length;
    const of = statistics && { statistics, likedThreshold: labelThreshold };
    const known = of && statisticsOfRecord(of, asked, catalogue, counted);
    const record = of ? withEventStatistics(of, asked, newest, catalogue, counted) : asked;
    const choose = embedding === undefined ? newestEvents(record) : mostSimilarEvents(record, embedding);
    const attempt = (length: number): string => write(record, catalogue, known, choose(length));
    const made =
      countTokens === undefined || maxTokens === undefined
        ? { text: attempt(counts[0]!), length: counts[0]! }
        : longestThatFits(counts, (length) => {
            const text = attempt(length);
            return { text, fits: countTokens(unmark(text)) <= maxTokens };
          });
    options.told?.(made.length, counts[0]!);
    return made.text;
  };
  return {
    config: parsed,
    statistics,
    context,
    saysCrm: crm,
    render: (record, catalogue, counted) => unmark(fitting(record, catalogue, counted)),
    segments: (record, catalogue, counted) => cut(fitting(record, catalogue, counted)),
  };
}

/** How many events a prompt may tell, most first, down to none: fewer where tokens are short. */
function toldCounts(
  { history, earlier = 0 }: Pick<RatingRecord, "history" | "earlier">,
  { historyLength, historyHop }: PromptConfig,
): number[] {
  const all = earlier + history.length;
  const start = historyHop * Math.max(0, Math.ceil((all - historyLength) / historyHop));
  const counts: number[] = [];
  for (let begin = start; begin < all; begin += historyHop) {
    // Of a record that tells less than it could, all that it tells.
    const count = Math.min(all - begin, history.length);
    if (count > 0 && count !== counts.at(-1)) counts.push(count);
  }
  return [...counts, 0];
}

/** Bisects for the longest history whose text fits; the text without history when none does. @param counts falling to 0 */
function longestThatFits(
  counts: readonly number[],
  attempt: (length: number) => { text: string; fits: boolean },
): { text: string; length: number } {
  const whole = attempt(counts[0]!);
  if (whole.fits || counts.length === 1) return { text: whole.text, length: counts[0]! };
  let [tooLong, shorter] = [0, counts.length - 1];
  let best = attempt(0).text;
  while (shorter - tooLong > 1) {
    const middle = (shorter + tooLong) >> 1;
    const { text, fits } = attempt(counts[middle]!);
    if (fits) [shorter, best] = [middle, text];
    else tooLong = middle;
  }
  return { text: best, length: counts[shorter]! };
}

function createWriter(config: PromptConfig): {
  write: WriteMarked;
  statistics: StatisticsPlan | undefined;
  context: ReadonlySet<string>;
  crm: boolean;
} {
  const promptTemplate = compileTemplate("template", config.template);
  const targetTemplate = compileTemplate("target", config.target);
  const eventWriter = createEventWriter(config);
  const list = (events: DescribedEvent[], text: (event: DescribedEvent) => string): string =>
    events.length === 0 ? config.emptyHistory : events.map(text).join(config.separator);
  const write: WriteMarked = (record, catalogue, statistics, told) => {
    const events = told.map((event) => eventWriter.describe(event, catalogue));
    const target = describeItem(
      config,
      record.item,
      record.itemAttributes ?? catalogue?.attributesOf(record.item),
    );
    const ownContext = cleanAttributes(config, record.context ?? {});
    const known = {
      user_history: list(events, ({ historyItem }) => historyItem),
      liked: list(
        events.filter(({ liked }) => liked),
        ({ listItem }) => listItem,
      ),
      disliked: list(
        events.filter(({ liked }) => !liked),
        ({ listItem }) => listItem,
      ),
      history: events.map(({ context }) => context),
      target_item: targetTemplate.render({ context: ownContext, ...target }, statistics),
      target,
      user: cleanAttributes(config, record.userAttributes ?? {}),
      user_id: record.user === null ? "" : cleanText(record.user, config.maxTextLength, config.specialTokens),
      context: ownContext,
      ...(promptTemplate.crm && { [crmVariable]: percentOf(record) }),
      rating_scale: config.ratingScale,
    };
    return promptTemplate.render(known, statistics);
  };
  const names = [...promptTemplate.statistics, ...targetTemplate.statistics];
  return {
    write,
    statistics: planOfTemplates(names, eventWriter.statistics),
    context: new Set([...promptTemplate.context, ...targetTemplate.context]),
    crm: promptTemplate.crm,
  };
}

/** The CRM's answer as a whole number of per cent. */
function percentOf({ pCrm }: RatingRecord): number {
  if (pCrm !== undefined) return Math.round(100 * pCrm);
  throw new CorellaError({
    code: "prompt/no-crm",
    message: "The prompt says what the CRM says of the sample, and nobody asked the CRM.",
    place: "prompt.template",
    remedy: `Serve it beside a CRM, give records pCrm, or leave ${crmVariable} out.`,
  });
}

function needsEmbedding(retrieval: string): CorellaError {
  return new CorellaError({
    code: "prompt/no-embedding",
    message: `Retrieval by ${retrieval} needs a vector for each item.`,
    place: "prompt.retrieval",
    remedy: "Give createPrompt an embedding, or set retrieval to none.",
  });
}

function unmark(marked: string): string {
  return marked.replaceAll(targetStart, "").replaceAll(targetEnd, "");
}

function cut(marked: string): PromptSegments {
  const start = marked.indexOf(targetStart);
  if (start < 0) return { prefix: unmark(marked), target: "", suffix: "" };
  const end = marked.lastIndexOf(targetEnd); // a filter such as truncate may have taken it
  const target = end > start ? marked.slice(start, end) : marked.slice(start);
  return {
    prefix: unmark(marked.slice(0, start)),
    target: unmark(target),
    suffix: end > start ? marked.slice(end + targetEnd.length) : "",
  };
}
