// @corella/llm/remote: models behind an OpenAI-compatible server.
export { connectServer, type RemoteServer, type RemoteServerOptions } from "./scoring/remote/server.ts";
export {
  createRemoteScorer,
  type RemoteAsking,
  type RemoteScorer,
  type RemoteScorerOptions,
  type RemoteScores,
} from "./scoring/remote/scorer.ts";
export { loadRemoteAdapter, unloadRemoteAdapter } from "./scoring/remote/adapters.ts";
