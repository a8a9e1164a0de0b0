// One folder that holds everything a prediction needs, and the Predictor that uses it.
export {
  crmOf,
  openBundle,
  saveBundle,
  type Bundle,
  type BundleContents,
  type LlmAsking,
  type TrainedCrm,
  type TunedLlm,
} from "./bundle.ts";
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
export { createRemoteLane, type RemoteLlm } from "./remote-lane.ts";
export { newestBundle } from "./newest.ts";
