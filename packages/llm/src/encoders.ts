// @corella/llm/encoders: the text models that are not decoders.
export type { BertConfig } from "./encoders/bert/config.ts";
export { bertEncoder, type BertOutput } from "./encoders/bert/encoder.ts";
export { loadBert, type BertModel } from "./encoders/bert/load.ts";
export { t5ToHuggingFace, type T5Config } from "./encoders/t5/config.ts";
export { t5, t5Params, wholeWordTable, type T5Output } from "./encoders/t5/model.ts";
export { relativeBucket } from "./encoders/t5/relative-bias.ts";
export { loadT5, openT5, saveT5, type OpenT5Model, type T5Model } from "./encoders/t5/load.ts";
export { encodeAnswers, t5AnswerIds, t5Answers, t5Encoder, t5Start } from "./encoders/t5/feeds.ts";
export { createT5Scorer, type T5ScorerOptions } from "./encoders/t5/scorer.ts";
export { wholeWordIds, wholeWordsOf } from "./encoders/t5/whole-words.ts";
