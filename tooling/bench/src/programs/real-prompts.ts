import type { Runtime, Program, PrecisionOf } from "@corella/engine";
import { denseWindows, renderRun, renderWindow, targetRuns } from "@corella/alignment";
import {
  batchSequences,
  createScorer,
  cutPrompt,
  decoder,
  isLoraParam,
  loadPretrained,
  packedDecoder,
  packedFeeds,
  packSequences,
  paddedFeeds,
  twoWayProgram,
  yesNoIds,
  type PretrainedModel,
  type TextTokenizer,
  type YesNoIds,
} from "@corella/llm";
import { catalogueFromLog, createPrompt, loadLog, movieLens1M, recordAt, splitLog } from "@corella/modality";
import type { Subject } from "../contestant.ts";
import { elements } from "./random-batches.ts";

/** A model and prompts of Template A from ML-1M, ends cut as the model must see them. */
export interface RealPrompts {
  readonly model: PretrainedModel;
  readonly tokenizer: TextTokenizer;
  readonly answers: YesNoIds;
  /** Samples of the test part, spread over it. */
  various(count: number, historyLength: number): string[];
  /** One user and many candidates. */
  candidates(count: number, historyLength: number): string[];
  /** Users with several targets after one history, from the training part. */
  targets(users: number, each: number, historyLength: number): string[];
  /** Whole stretches of so many events, of different users, each of which is asked about. */
  windows(count: number, events: number): string[];
}

/** Events as questions with their answers. */
const denseTexts = {
  template: "{{user_history}}{{target_item}}:",
  historyItem: '\n{{title}} ({{year}}) ({{genres | join(", ")}}): {{"Yes" if liked else "No"}} {{rating}}',
  target: '\n{{title}} ({{year}}) ({{genres | join(", ")}})',
  separator: "",
  emptyHistory: "",
};

export async function realPrompts(modelPath: string, dataPath: string): Promise<RealPrompts> {
  const data = movieLens1M(dataPath);
  const log = await loadLog(data);
  const catalogue = catalogueFromLog(log);
  const { train, test } = splitLog(log, data);
  const model = await loadPretrained(modelPath);
  const tokenizer = model.tokenizer!;
  const render = (historyLength: number, row: number, item?: string): string => {
    const record = recordAt(log, row, historyLength);
    const asked = item === undefined ? record : { ...record, item, itemAttributes: undefined };
    return createPrompt({ historyLength }).render(asked, catalogue);
  };
  const answers = await yesNoIds(tokenizer, render(5, test[0]!));
  const stride = 997;
  const cut = (texts: string[]): string[] => texts.map((text) => cutPrompt(text, answers));
  return {
    model,
    tokenizer,
    answers,
    various: (count, historyLength) =>
      cut(Array.from({ length: count }, (_, i) => render(historyLength, test[(i * stride) % test.length]!))),
    candidates: (count, historyLength) =>
      cut(
        Array.from({ length: count }, (_, i) =>
          render(historyLength, test[5000]!, log.items.ids[(i * 37) % log.items.activeCount]),
        ),
      ),
    targets(users, each, historyLength) {
      // The very first users have hardly a history yet.
      const full = targetRuns(log, train, each).filter(({ rows }) => rows.length === each);
      const runs = Array.from({ length: users }, (_, i) => full[((i + 1) * stride) % full.length]!);
      const prompt = createPrompt({ historyLength });
      return cut(runs.flatMap((run) => renderRun({ log, catalogue }, prompt, run)));
    },
    windows(count, events) {
      const prompt = createPrompt({ ...denseTexts, historyLength: events, historyHop: events });
      const full = denseWindows(log, train, prompt.config).filter(
        ({ start, rows }) => start > 0 && rows.length === events,
      );
      const chosen = Array.from({ length: count }, (_, i) => full[((i + 1) * stride) % full.length]!);
      return cut(chosen.flatMap((window) => renderWindow({ log, catalogue }, prompt, window)));
    },
  };
}

/** Scoring texts as the product does: tokenised, packed, in batches. */
export async function realScoring(
  runtime: Runtime,
  { model, tokenizer, answers }: RealPrompts,
  texts: readonly string[],
  precision?: PrecisionOf,
): Promise<Subject> {
  const { config, values } = model;
  const scorer = await createScorer({
    config,
    values,
    tokenizer,
    answers: { ...answers, dangling: "", appended: "" },
    runtime,
    ...(precision === undefined ? {} : { precision }),
  });
  return { step: () => scorer.score(texts), warmUp: () => scorer.score(texts), dispose: scorer.dispose };
}

/** The same without sharing: every prompt whole, padded to its batch. */
export async function unsharedScoring(
  runtime: Runtime,
  { model, tokenizer, answers }: RealPrompts,
  texts: readonly string[],
): Promise<Subject> {
  const { config, values } = model;
  const part = decoder(config, { answers });
  const program: Program = {
    ...part,
    forward: (scope) => ({ outputs: { logits: part.forward(scope).yesNoLogits } }),
  };
  const inference = await runtime.infer(program, values);
  const step = async (): Promise<void> => {
    const { batches } = batchSequences(await tokenizer.encodeBatch(texts), {
      maxTokens: config.maxPositions,
    });
    for (const { feeds } of batches) await inference.run(feeds);
  };
  return { step, warmUp: step, dispose: () => inference.dispose() };
}

/** A LoRA step (q and v, rank 8) with the two-way loss on some texts. */
export async function realLoraStep(
  runtime: Runtime,
  { model, tokenizer, answers }: RealPrompts,
  texts: readonly string[],
  packed: boolean,
): Promise<Subject> {
  const { config, values } = model;
  const options = { answers, lora: { rank: 8, alpha: 16 } };
  const part = packed ? packedDecoder(config, options) : decoder(config, options);
  const program = twoWayProgram(part);
  const trainer = await runtime.train(program, {
    seed: 1,
    values: { ...values },
    optimizer: (name) =>
      isLoraParam(name) ? { kind: "adamw", learningRate: 1e-4, weightDecay: 0.01 } : null,
  });
  const sequences = await tokenizer.encodeBatch(texts);
  const feeds = packed ? packedFeeds(sequences) : paddedFeeds(sequences);
  const label = { shape: [texts.length], data: Float32Array.from(texts, (_, i) => i % 2) };
  const step = (): Promise<unknown> => trainer.step({ ...feeds, label });
  return { step, warmUp: step, parameters: elements(program, isLoraParam), dispose: () => trainer.dispose() };
}

/** What a call of the scorer computes: tokens given, tokens computed, filling in attention. */
export function tokenShares(sequences: readonly ArrayLike<number>[]): {
  readonly given: number;
  readonly computed: number;
  readonly padded: number;
  readonly plainPadded: number;
} {
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
  const packed = packSequences(sequences, { maxTokens: 1e9 }).batches;
  const plain = batchSequences(sequences, { maxTokens: 1e9 }).batches;
  return {
    given: sum(sequences.map(({ length }) => length)),
    computed: sum(packed.map(({ feeds }) => feeds["tokens"]!.data.length)),
    padded: sum(packed.map(({ feeds }) => size(feeds["prefixPlaces"]!.shape) + size(feeds["places"]!.shape))),
    plainPadded: sum(plain.map(({ feeds }) => feeds["tokens"]!.data.length)),
  };
}
