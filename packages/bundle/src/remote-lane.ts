import {
  connectServer,
  createRemoteScorer,
  type RemoteScorerOptions,
  type RemoteServerOptions,
} from "@corella/llm/remote";
import type { Catalogue } from "@corella/modality";
import type { Lane } from "./lane.ts";
import type { LlmAsking } from "./llm-files.ts";
import { textLane } from "./llm-prompt.ts";

/** The bundle's LLM on a server of its own: the same base model, with the bundle's adapter merged or by name. */
export interface RemoteLlm
  extends RemoteServerOptions, Pick<RemoteScorerOptions, "model" | "topLogprobs" | "missingLabel"> {}

/** The LLM as a lane that asks a server. The bundle's tokenizer writes the prompts, so that the server reads the same ids. */
export function createRemoteLane(asking: LlmAsking, catalogue: Catalogue, remote: RemoteLlm): Lane {
  const { tokenizer, answers, scoring, maxTokens } = asking;
  const scorer = createRemoteScorer({
    server: connectServer(remote),
    model: remote.model,
    asking: { kind: "tokens", tokenizer, answers, maxTokens, overlong: "cut" },
    scoring,
    topLogprobs: remote.topLogprobs,
    missingLabel: remote.missingLabel,
  });
  return textLane(scorer, asking, catalogue);
}
