export {
  llamaConfig,
  parseLlamaConfig,
  tinyLlamaConfig,
  toHuggingFace,
  type LlamaConfig,
  type RopeConfig,
} from "./config.ts";
export { llamaParams, type Projection } from "./params.ts";
export {
  decoder,
  decoderInputs,
  type AnswerIds,
  type DecoderOptions,
  type DecoderOutput,
} from "./decoder.ts";
export { isLoraParam, loraParams, mergeAdapter, type LoraConfig } from "./lora.ts";
export { loadAdapter, saveAdapter, type AdapterToSave, type LoadedAdapter } from "./adapter.ts";
export { loadPretrained, savePretrained, type PretrainedModel } from "./pretrained.ts";
export { loadGguf, readGguf, type DequantizedTensor, type GgufModel } from "./gguf/load.ts";
export { loadTokenizer, type EncodeOptions, type TextTokenizer } from "./tokenizer.ts";
export { trainTokenizer } from "./train-tokenizer.ts";
export { cutPrompt, yesNoIds, type PromptEnd, type YesNoIds } from "./answers.ts";
export {
  batchSequences,
  paddedFeeds,
  prepareTokens,
  type PreparedTokens,
  type PrepareOptions,
  type TokenBatch,
} from "./prepare-tokens.ts";
export {
  createScorer,
  type Scorer,
  type ScorerOptions,
  type YesNoScorer,
  type YesNoScores,
} from "./scorer.ts";
export { answerLoss, logitDifference, twoWayLoss } from "./losses.ts";
export { chunkBatch, languageModelProgram, packDocuments, type PackedChunks } from "./language-model.ts";
