// One folder that holds everything a prediction needs, and the Predictor that uses it.
export {
  openBundle,
  saveBundle,
  type Bundle,
  type BundleContents,
  type LlmAsking,
  type OpenLlm,
  type TunedLlm,
} from "./bundle.ts";
export { crmOf, saveCrm, type CrmModality, type TrainedCrm } from "./crm-folder.ts";
export { idFeeds } from "./feeds.ts";
export type { Histories } from "./histories.ts";
export { createCrmLane, createLlmLane, loadPredictor, openLane, type LoadOptions } from "./lanes.ts";
export { createLlmPrompt } from "./llm-prompt.ts";
export {
  createPredictor,
  type Lane,
  type Prediction,
  type Predictor,
  type Router,
  type ScoreOptions,
} from "./predictor.ts";
export { loadCrm, type LoadedCrm } from "./load-crm.ts";
export { createRemoteLane, type RemoteLlm } from "./remote-lane.ts";
export { newestBundle } from "./newest.ts";
