// Conventional recommendation models as programs of @corella/engine.
export type { CrmFeature } from "./features.ts";
export type { Crm, CrmOutput } from "./model.ts";
export {
  createCrm,
  crmModels,
  parseCrmConfig,
  type CrmConfig,
  type CrmModel,
  type CrmModelName,
} from "./registry.ts";
export {
  binaryCrossEntropy,
  crmInferenceProgram,
  crmProgram,
  embeddingNames,
  regularizationLoss,
  regularized,
  type Regularizers,
} from "./program.ts";
export { dcnv2, type Dcnv2Config } from "./models/dcnv2.ts";
export { autoInt, type AutoIntConfig } from "./models/autoint.ts";
export { deepFm, type DeepFmConfig } from "./models/deepfm.ts";
export { din, type DinConfig } from "./models/din.ts";
export { fiBiNet, type FiBiNetConfig } from "./models/fibinet.ts";
export { fiGnn, type FiGnnConfig } from "./models/fignn.ts";
export { finalMlp, type FinalMlpConfig, type StreamConfig } from "./models/finalmlp.ts";
export { fm, type FmConfig } from "./models/fm.ts";
export { gdcn, type GdcnConfig } from "./models/gdcn.ts";
export { maskNet, type MaskNetConfig } from "./models/masknet.ts";
export { wideDeep, type WideDeepConfig } from "./models/widedeep.ts";
export { xDeepFm, type XDeepFmConfig } from "./models/xdeepfm.ts";
export {
  createValidator,
  crmPhase,
  scoreBatches,
  requireBothClasses,
  trainCrm,
  type CrmTraining,
  type CrmTrainingSettings,
  type CrmValidator,
  type LabelledBatches,
} from "./train.ts";
