// What every user of the package needs. Beside it stand three doors of their own: gguf.ts, encoders.ts and remote.ts.
export type { DecoderConfig } from "./config/decoder.ts";
export { parseDecoderConfig, toHuggingFace } from "./config/hugging-face.ts";
export { tinyLlamaConfig } from "./config/llama.ts";
export { withFixedLength } from "./config/fixed-length.ts";
export { decoderParams } from "./config/params.ts";
export { decoder, type AnswerIds, type DecoderOptions, type DecoderOutput } from "./decoder/decoder.ts";
export { packedDecoder } from "./decoder/packed-decoder.ts";
export {
  answerLoss,
  answerScorings,
  labelledProgram,
  logitDifference,
  twoWayLoss,
  twoWayProgram,
  type AnswerScoring,
} from "./decoder/losses.ts";
export { chunkBatch, languageModelProgram, packDocuments } from "./decoder/language-model.ts";
export { isLoraParam, loraParams, type LoraConfig } from "./lora/lora.ts";
export { mergeAdapter, mergedReader, type MergedModel, type MergedReader } from "./lora/merge.ts";
export { loadAdapter, saveAdapter, type LoadedAdapter } from "./lora/adapter.ts";
export { peftTargets } from "./lora/peft-targets.ts";
export { adapterFeeds, roomFor, withAdapterInputs } from "./lora/adapter-inputs.ts";
export {
  loadPretrained,
  openPretrained,
  savePretrained,
  type OpenModel,
  type PretrainedModel,
} from "./pretrained/pretrained.ts";
export type { OpenWeights } from "./files/tensor-folder.ts";
export { fetchModel, type HubOptions } from "./pretrained/hub/fetch-model.ts";
export { isHubReference } from "./pretrained/hub/reference.ts";
export { loadTokenizer, type EncodeOptions, type TextTokenizer } from "./tokenizer/tokenizer.ts";
export { trainTokenizer } from "./tokenizer/training.ts";
export { chatTokenizer } from "./tokenizer/chat/tokenizer.ts";
export {
  batchSequences,
  paddedFeeds,
  prepareTokens,
  type PrepareOptions,
} from "./batching/prepare-tokens.ts";
export { encodeChains } from "./tokenizer/encode-chains.ts";
export { foldSequences, type FoldedAnswer, type FoldedSequences } from "./batching/folded-sequences.ts";
export { packedFeeds, packSequences } from "./batching/pack-tokens.ts";
export { commonLength } from "./batching/token-order.ts";
export { poolingFeed } from "./batching/pooling.ts";
export { pooled } from "./operations/pooled.ts";
export { cutPrompt, yesNoIds, type AnswerWords, type YesNoIds } from "./scoring/answers.ts";
export {
  createScorer,
  hasSteadyKeys,
  type LocalScorer,
  type Scorer,
  type ScorerOptions,
  type YesNoScores,
} from "./scoring/scorer.ts";
