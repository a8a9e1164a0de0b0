export {
  llamaConfig,
  parseLlamaConfig,
  tinyLlamaConfig,
  toHuggingFace,
  type LlamaConfig,
  type SlidingConfig,
} from "./config/config.ts";
export type { RopeConfig } from "./config/rope.ts";
export { llamaParams, type Projection } from "./config/params.ts";
export {
  decoder,
  decoderInputs,
  type AnswerIds,
  type DecoderOptions,
  type DecoderOutput,
} from "./decoder/decoder.ts";
export { packedDecoder } from "./decoder/packed-decoder.ts";
export { packedInputs } from "./decoder/packed-sequences.ts";
export { packedFeeds, packSequences } from "./batching/pack-tokens.ts";
export { sharedPrefixes, type PrefixGroup } from "./batching/shared-prefixes.ts";
export { isLoraParam, loraParams, mergeAdapter, mergedReader, type LoraConfig } from "./lora/lora.ts";
export { loadAdapter, saveAdapter, type AdapterToSave, type LoadedAdapter } from "./lora/adapter.ts";
export { adapterFeeds, roomFor, withAdapterInputs } from "./lora/adapter-inputs.ts";
export {
  loadPretrained,
  openPretrained,
  savePretrained,
  type OpenModel,
  type PretrainedModel,
} from "./pretrained/pretrained.ts";
export { fetchModel, type HubOptions } from "./pretrained/hub/fetch-model.ts";
export type { HubProgress } from "./pretrained/hub/fetch-file.ts";
export { isHubReference } from "./pretrained/hub/reference.ts";
export type { OpenWeights } from "./files/tensor-folder.ts";
export {
  loadGguf,
  openGguf,
  readGguf,
  type DequantizedTensor,
  type GgufModel,
  type OpenGguf,
} from "./pretrained/gguf/load.ts";
export { loadTokenizer, type EncodeOptions, type TextTokenizer } from "./tokenizer/tokenizer.ts";
export { chatTokenizer, type ChatTurn } from "./tokenizer/chat/tokenizer.ts";
export type { ChatTemplate } from "./tokenizer/chat/template.ts";
export { trainTokenizer } from "./tokenizer/train-tokenizer.ts";
export { cutPrompt, yesNoIds, type PromptEnd, type YesNoIds } from "./scoring/answers.ts";
export {
  batchSequences,
  paddedFeeds,
  prepareTokens,
  type PreparedTokens,
  type PrepareOptions,
  type TokenBatch,
} from "./batching/prepare-tokens.ts";
export {
  createScorer,
  type LocalScorer,
  type Scorer,
  type ScorerOptions,
  type YesNoScorer,
  type YesNoScores,
} from "./scoring/scorer.ts";
export { connectServer, type RemoteServer, type RemoteServerOptions } from "./scoring/remote/server.ts";
export {
  createRemoteScorer,
  type RemoteAsking,
  type RemoteScorer,
  type RemoteScorerOptions,
  type RemoteScores,
} from "./scoring/remote/scorer.ts";
export type { MissingLabel } from "./scoring/remote/answer-logits.ts";
export { loadRemoteAdapter, unloadRemoteAdapter } from "./scoring/remote/adapters.ts";
export { answerLoss, labelledProgram, logitDifference, twoWayLoss, twoWayProgram } from "./decoder/losses.ts";
export {
  chunkBatch,
  languageModelProgram,
  packDocuments,
  type PackedChunks,
} from "./decoder/language-model.ts";
export { bertConfig, parseBertConfig, type BertConfig } from "./encoders/bert/config.ts";
export { bertEncoder, bertInputs, type BertOutput } from "./encoders/bert/encoder.ts";
export { loadBert, type BertModel } from "./encoders/bert/load.ts";
export { parseT5Config, t5Config, type T5Config } from "./encoders/t5/config.ts";
export { t5, t5Inputs, type T5Output } from "./encoders/t5/model.ts";
export { relativeBucket } from "./encoders/t5/relative-bias.ts";
export { loadT5, type T5Model } from "./encoders/t5/load.ts";
