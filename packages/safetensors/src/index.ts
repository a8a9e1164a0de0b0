export { toFloat32, toInt32, toTypedArray, type TensorArray } from "./convert.ts";
export type { Dtype, TensorView } from "./dtype.ts";
export { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./half.ts";
export type { TensorInfo } from "./header.ts";
export { parseSafetensors, readSafetensors, type ParsedSafetensors, type SafetensorsFile } from "./read.ts";
export { float32Tensor, serializeSafetensors, writeSafetensors, type TensorToWrite } from "./write.ts";
