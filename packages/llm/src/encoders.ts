// @corella/llm/encoders: the text models that are not decoders.
export type { BertConfig } from "./encoders/bert/config.ts";
export { bertEncoder, type BertOutput } from "./encoders/bert/encoder.ts";
export { loadBert, type BertModel } from "./encoders/bert/load.ts";
export type { T5Config } from "./encoders/t5/config.ts";
export { t5, type T5Output } from "./encoders/t5/model.ts";
export { relativeBucket } from "./encoders/t5/relative-bias.ts";
export { loadT5, type T5Model } from "./encoders/t5/load.ts";
