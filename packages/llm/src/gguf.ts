// @corella/llm/gguf: model files of llama.cpp.
export {
  loadGguf,
  openGguf,
  readGguf,
  type DequantizedTensor,
  type GgufModel,
  type OpenGguf,
} from "./pretrained/gguf/load.ts";
