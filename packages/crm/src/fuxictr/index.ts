// What reads FuxiCTR's configurations, features and weights, and compares a model with what FuxiCTR computed.
export { fromFuxiCtrConfig } from "./config.ts";
export { attentionSequences, fromFuxiCtrFeatures, type FuxiCtrFeature } from "./features.ts";
export { fromFuxiCtrRegularizers } from "./regularizers.ts";
export { fromFuxiCtr, type NamedTensor } from "./weights.ts";
export type { CaseDifference, CaseTensors, FuxiCtrCase } from "./case.ts";
export { runFuxiCtrCase } from "./run-case.ts";
export { fuxiCtrTolerance } from "./tolerance.ts";
