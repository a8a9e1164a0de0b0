import { cosineSchedule, type PhaseSpec } from "@corella/engine";
import {
  chunkBatch,
  languageModelProgram,
  packDocuments,
  type DecoderConfig,
  type TextTokenizer,
} from "@corella/llm";
import { createPrompt, type PromptConfig } from "@corella/modality";
import { createGenerator, permutation } from "@corella/random";
import type { ScratchConfig } from "../config/config.ts";
import type { LogParts } from "../data.ts";
import type { StageInputs } from "../run.ts";

/** Events in one passage of text. */
const longestPassage = 20;

/**
 * What a decoder from scratch reads first: every item as a prompt's target would show it, and every user's training
 * events, oldest first, as a prompt's history would show them. Only training rows, so that nothing leaks.
 */
export function pretrainingTexts(data: LogParts, config: PromptConfig): string[] {
  const { log, split } = data;
  const itemText = createPrompt({ ...config, retrieval: "none", template: "{{target_item}}" });
  const historyText = createPrompt({
    ...config,
    retrieval: "none",
    template: "{{user_history}}",
    historyLength: longestPassage,
  });
  const inTraining = new Uint8Array(log.size);
  for (const row of split.train) inTraining[row] = 1;
  const texts = log.items.ids.map((item) =>
    itemText.render({ user: null, item, history: [], statistics: {} }, data.catalogue),
  );
  for (let user = 0; user < log.users.ids.length; user++) {
    const rows = log.userRows
      .subarray(log.userOffsets[user]!, log.userOffsets[user + 1]!)
      .filter((row) => inTraining[row] === 1);
    for (let start = 0; start < rows.length; start += longestPassage) {
      const history = Array.from(rows.subarray(start, start + longestPassage), (row) => ({
        item: log.items.ids[log.item[row]!]!,
        rating: log.rating[row]!,
        statistics: {},
      }));
      texts.push(
        historyText.render({ user: null, item: history[0]!.item, history, statistics: {} }, data.catalogue),
      );
    }
  }
  return texts;
}

/** Next-token prediction on texts, which are packed into sequences of equal length. */
export async function pretraining(
  { config: { seed, llm }, runtime }: StageInputs,
  design: { readonly config: DecoderConfig; readonly tokenizer: TextTokenizer },
  texts: readonly string[],
  settings: ScratchConfig["pretraining"],
): Promise<PhaseSpec> {
  const documents = await design.tokenizer.encodeBatch(texts);
  const shuffled = permutation(documents.length, createGenerator(seed, "pretraining/documents"));
  const chunks = packDocuments(
    Array.from(shuffled, (position) => documents[position]!),
    { time: settings.sequenceLength, endTokenId: design.config.eosTokenId! },
  );
  const trainer = await runtime.train(languageModelProgram(design.config, { recompute: llm.recompute }), {
    seed,
    optimizer: {
      kind: "adamw",
      learningRate: settings.learningRate,
      betas: [0.9, 0.95],
      weightDecay: settings.weightDecay,
    },
  });
  const { batchSize, steps } = settings;
  const perEpoch = Math.max(1, Math.floor(chunks.count / batchSize));
  let epochOrder: { epoch: number; order: Uint32Array } | undefined;
  return {
    trainer,
    steps,
    samplesPerStep: batchSize,
    learningRateScale: cosineSchedule({ steps, warmupSteps: settings.warmupSteps, floor: 0.05 }),
    batch(step) {
      const epoch = Math.floor(step / perEpoch);
      if (epochOrder?.epoch !== epoch) {
        epochOrder = {
          epoch,
          order: permutation(chunks.count, createGenerator(seed, "pretraining/chunks", epoch)),
        };
      }
      const start = (step % perEpoch) * batchSize;
      return chunkBatch(chunks, epochOrder.order.subarray(start, start + batchSize));
    },
  };
}
