import {
  connectServer,
  createRemoteScorer,
  type RemoteScorerOptions,
  type RemoteServerOptions,
} from "@corella/llm/remote";
import type { LlmAsking } from "./bundle.ts";
import { textLane, type TextModality } from "./llm-prompt.ts";
import type { Lane } from "./predictor.ts";

/** The bundle's LLM on a server of its own: the same base model, with the bundle's adapter merged or by name. */
export interface RemoteLlm
  extends RemoteServerOptions, Pick<RemoteScorerOptions, "model" | "topLogprobs" | "missingLabel"> {}

/** The LLM as a lane that asks a server. The bundle's tokenizer writes the prompts, so that the server reads the same ids. */
export function createRemoteLane(asking: LlmAsking, modality: TextModality, remote: RemoteLlm): Lane {
  const scorer = createRemoteScorer({
    server: connectServer(remote),
    model: remote.model,
    asking: { kind: "tokens", ...asking, overlong: "cut" },
    topLogprobs: remote.topLogprobs,
    missingLabel: remote.missingLabel,
  });
  return textLane(scorer, asking, modality);
}
