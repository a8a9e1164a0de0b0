export {
  llamaConfig,
  parseLlamaConfig,
  tinyLlamaConfig,
  toHuggingFace,
  type LlamaConfig,
  type SlidingConfig,
} from "./config.ts";
export type { RopeConfig } from "./rope-config.ts";
export { llamaParams, type Projection } from "./params.ts";
export {
  decoder,
  decoderInputs,
  type AnswerIds,
  type DecoderOptions,
  type DecoderOutput,
} from "./decoder.ts";
export { packedDecoder } from "./packed-decoder.ts";
export { packedInputs } from "./packed-sequences.ts";
export { packedFeeds, packSequences } from "./pack-tokens.ts";
export { sharedPrefixes, type PrefixGroup } from "./shared-prefixes.ts";
export { isLoraParam, loraParams, mergeAdapter, mergedReader, type LoraConfig } from "./lora.ts";
export { loadAdapter, saveAdapter, type AdapterToSave, type LoadedAdapter } from "./adapter.ts";
export { adapterFeeds, roomFor, withAdapterInputs } from "./adapter-inputs.ts";
export {
  loadPretrained,
  openPretrained,
  savePretrained,
  type OpenModel,
  type PretrainedModel,
} from "./pretrained.ts";
export { fetchModel, type HubOptions } from "./hub/fetch-model.ts";
export type { HubProgress } from "./hub/fetch-file.ts";
export { isHubReference } from "./hub/reference.ts";
export type { OpenWeights } from "./tensor-folder.ts";
export {
  loadGguf,
  openGguf,
  readGguf,
  type DequantizedTensor,
  type GgufModel,
  type OpenGguf,
} from "./gguf/load.ts";
export { loadTokenizer, type EncodeOptions, type TextTokenizer } from "./tokenizer.ts";
export { chatTokenizer, type ChatTurn } from "./chat/tokenizer.ts";
export type { ChatTemplate } from "./chat/template.ts";
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
  type LocalScorer,
  type Scorer,
  type ScorerOptions,
  type YesNoScorer,
  type YesNoScores,
} from "./scorer.ts";
export { connectServer, type RemoteServer, type RemoteServerOptions } from "./remote/server.ts";
export {
  createRemoteScorer,
  type RemoteAsking,
  type RemoteScorer,
  type RemoteScorerOptions,
  type RemoteScores,
} from "./remote/scorer.ts";
export type { MissingLabel } from "./remote/answer-logits.ts";
export { loadRemoteAdapter, unloadRemoteAdapter } from "./remote/adapters.ts";
export { answerLoss, labelledProgram, logitDifference, twoWayLoss, twoWayProgram } from "./losses.ts";
export { chunkBatch, languageModelProgram, packDocuments, type PackedChunks } from "./language-model.ts";
export { bertConfig, parseBertConfig, type BertConfig } from "./bert/config.ts";
export { bertEncoder, bertInputs, type BertOutput } from "./bert/encoder.ts";
export { loadBert, type BertModel } from "./bert/load.ts";
export { parseT5Config, t5Config, type T5Config } from "./t5/config.ts";
export { t5, t5Inputs, type T5Output } from "./t5/model.ts";
export { relativeBucket } from "./t5/relative-bias.ts";
export { loadT5, type T5Model } from "./t5/load.ts";
