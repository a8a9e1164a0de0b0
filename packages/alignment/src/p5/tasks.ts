import { createLlmPrompt } from "@corella/bundle";
import type { TextTokenizer } from "@corella/llm";
import {
  createPrompt,
  decimalRating,
  historyOf,
  ratingScaleOf,
  recordsAt,
  type InteractionLog,
  type RatingRecord,
} from "@corella/modality";
import { createGenerator, permutation, type Generator } from "@corella/random";
import { promptFamilies, type PromptFamily } from "../config/p5-config.ts";
import type { LogParts } from "../data.ts";
import type { Run } from "../run.ts";
import { candidatesAttribute, itemWord, p5Prompt, preferenceAnswers, templates } from "./prompts.ts";

/** A prompt with the answer that the model is to give. */
export interface Task {
  readonly family: PromptFamily;
  /** The whole prompt. */
  readonly text: string;
  readonly answer: string;
  /** The prompt within a limit of tokens: the oldest events of the history are left out until it fits. */
  shortened(tokenizer: TextTokenizer, maxTokens: number): string;
}

/** A row of the log that a template asks about. */
interface Draw {
  readonly family: PromptFamily;
  readonly template: string;
  readonly row: number;
}

/**
 * `stages.p5.samples` prompts with their answers: families by the mixture, a template of the family, and a row of the training part, each
 * at random and decided by the seed. A family without rows is left out, such as ratings of data that have labels alone.
 */
export function drawTasks(run: Pick<Run, "config" | "data">): Task[] {
  const { config, data } = run;
  const settings = config.stages.p5;
  const { log, split } = data;
  const trained = trainingRows(data);
  const drawn = draws(run, trained);
  const tasks: Task[] = Array.from(drawn, () => undefined as unknown as Task);
  const candidates = createGenerator(config.seed, "p5/candidates");
  const pool = [...new Set(Array.from(split.train, (row) => log.item[row]!))];

  for (const family of promptFamilies)
    for (const template of templates[family]) {
      const places = drawn.flatMap((draw, place) =>
        draw.family === family && draw.template === template ? [place] : [],
      );
      const rows = places.map((place) => drawn[place]!.row);
      const prompt = p5Prompt(config.prompt, settings, family, template);
      const whole = createPrompt(prompt);
      // What comes next is told by training events alone; the two others see what every recipe sees before a sample.
      const window = (): number => (onlyTrained(family) ? log.history.maxLength : prompt.historyLength);
      const records = recordsAt(log, rows, whole, window);
      for (const [i, place] of places.entries()) {
        const row = rows[i]!;
        let record: RatingRecord = records[i]!;
        if (onlyTrained(family)) record = { ...record, history: trainedEvents(log, row, record, trained) };
        if (family === "direct") {
          const names = candidateItems(log, row, trained, pool, settings.candidates, candidates);
          const told = names.map((code) => itemWord(log.items.ids[code]!)).join(" , ");
          record = { ...record, itemAttributes: { [candidatesAttribute]: told } };
        }
        tasks[place] = {
          family,
          text: whole.render(record, data.catalogue),
          answer: answerOf(log, family, row),
          shortened: (tokenizer, maxTokens) =>
            createLlmPrompt({ tokenizer, maxTokens, prompt, itemVectors: undefined }).render(
              record,
              data.catalogue,
            ),
        };
      }
    }
  return tasks;
}

/** Whether a family recommends, and so may know no event outside of the training part. */
function onlyTrained(family: PromptFamily): boolean {
  return family === "sequential" || family === "direct";
}

function trainingRows({ log, split }: LogParts): Uint8Array {
  const trained = new Uint8Array(log.size);
  for (const row of split.train) trained[row] = 1;
  return trained;
}

/** Which rows are asked about, and how, in the order of the samples. */
function draws({ config, data }: Pick<Run, "config" | "data">, trained: Uint8Array): Draw[] {
  const { samples, mixture } = config.stages.p5;
  const { seed } = config;
  const { log, split } = data;
  const liked = split.train.filter((row) => log.label[row] === 1);
  const scale = ratingScaleOf(log);
  const rowsOf: Record<PromptFamily, Uint32Array> = {
    preference: split.train,
    rating: scale !== undefined && scale[1] - scale[0] > 1 ? split.train : new Uint32Array(),
    sequential: liked.filter((row) => historyOf(log, row).some((past) => trained[past] === 1)),
    direct: liked,
  };
  const known = promptFamilies.filter((family) => mixture[family] > 0 && rowsOf[family].length > 0);
  const total = known.reduce((sum, family) => sum + mixture[family], 0);
  const generator = createGenerator(seed, "p5/mixture");
  const next = Object.fromEntries(
    known.map((family) => [family, inRounds(rowsOf[family], seed, `p5/${family}`)]),
  ) as Record<PromptFamily, () => number>;
  return Array.from({ length: samples }, (): Draw => {
    let left = generator.uniform() * total;
    const family = known.find((each) => (left -= mixture[each]) < 0) ?? known.at(-1)!;
    const own = templates[family];
    return { family, template: own[generator.integer(own.length)]!, row: next[family]() };
  });
}

/** Gives rows in a random order, and again in another one when all were given. */
function inRounds(rows: Uint32Array, seed: number, purpose: string): () => number {
  let [round, place] = [0, 0];
  let order = permutation(rows.length, createGenerator(seed, purpose, round));
  return () => {
    if (place === order.length) {
      round += 1;
      place = 0;
      order = permutation(rows.length, createGenerator(seed, purpose, round));
    }
    const row = rows[order[place]!]!;
    place += 1;
    return row;
  };
}

/** The events of a record's history that are rows of the training part. */
function trainedEvents(
  log: InteractionLog,
  row: number,
  { history }: RatingRecord,
  trained: Uint8Array,
): RatingRecord["history"] {
  const rows = historyOf(log, row, log.history.maxLength);
  return history.filter((_, i) => trained[rows[i]!] === 1);
}

/**
 * The target among other items, in random order: those of training events, none that the user has in the training part. Fewer than
 * wanted where the user has nearly all.
 */
function candidateItems(
  log: InteractionLog,
  row: number,
  trained: Uint8Array,
  pool: readonly number[],
  count: number,
  generator: Generator,
): number[] {
  const user = log.user[row]!;
  const own = new Set<number>();
  for (const other of log.userRows.subarray(log.userOffsets[user]!, log.userOffsets[user + 1]!))
    if (trained[other] === 1) own.add(log.item[other]!);
  const others = new Set<number>();
  for (let tries = 0; others.size < count - 1 && tries < 8 * count; tries++) {
    const code = pool[generator.integer(pool.length)]!;
    if (!own.has(code)) others.add(code);
  }
  const listed = [...others];
  listed.splice(generator.integer(listed.length + 1), 0, log.item[row]!);
  return listed;
}

function answerOf(log: InteractionLog, family: PromptFamily, row: number): string {
  switch (family) {
    case "preference":
      return log.label[row] === 1 ? preferenceAnswers.yes : preferenceAnswers.no;
    case "rating":
      return String(decimalRating(log.rating[row]!));
    case "sequential":
    case "direct":
      return itemWord(log.items.ids[log.item[row]!]!);
  }
}
