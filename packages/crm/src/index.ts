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
  regularized,
  type Regularizers,
} from "./program.ts";
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
