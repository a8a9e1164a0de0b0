// One folder that holds everything a prediction needs, and the Predictor that uses it.
export type { Admission, Admitted, Routed } from "./admission.ts";
export { openBundle, saveBundle, type Bundle, type BundleContents } from "./bundle.ts";
export { crmOf, type TrainedCrm } from "./crm-files.ts";
export type { Degradation } from "./degradation.ts";
export { idFeeds } from "./feeds.ts";
export type { Histories } from "./histories.ts";
export type { Lane } from "./lane.ts";
export {
  createCrmLane,
  createLlmLane,
  openCrmLane,
  openLlmLane,
  type CrmLane,
  type LaneOptions,
} from "./lanes.ts";
export type { LlmAsking, LlmKind, OpenLlm, OpenT5, TrainedT5, TunedLlm } from "./llm-files.ts";
export { createLlmPrompt, type PromptForLlm } from "./llm-prompt.ts";
export { loadPredictor, type LoadOptions } from "./load-predictor.ts";
export type { ModelName } from "./models.ts";
export { newestBundle } from "./newest.ts";
export { openPromptScorer, type AskedPrompts } from "./prompt-scorer.ts";
export {
  createPredictor,
  type Prediction,
  type Predictor,
  type RoutingOptions,
  type ScoreOptions,
} from "./predictor.ts";
export { countPromptCuts, describePromptCuts, fittingLimit, type PromptCuts } from "./prompt-cuts.ts";
export { createRemoteLane, type RemoteLlm } from "./remote-lane.ts";
export type { Router } from "./router.ts";
export type { RoutingCurve, RoutingPoint } from "./routing-curve.ts";
export { routingSignals, type ItemCounting } from "./routing-signals.ts";
export { scoreDistributionOf, type ScoreDistribution } from "./score-distribution.ts";
export { connectLane, type LaneReply, type LaneRequest } from "./worker-lane.ts";
