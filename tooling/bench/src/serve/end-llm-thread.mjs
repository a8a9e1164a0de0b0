// Loaded before the server: at SIGUSR2 the LLM's thread ends as if it had crashed. The server itself has no such door.
import { syncBuiltinESMExports } from "node:module";
import threads from "node:worker_threads";

const started = [];
threads.Worker = class extends threads.Worker {
  constructor(file, options) {
    super(file, options);
    if (options?.workerData?.lane === "llm") started.push(this);
  }
};
syncBuiltinESMExports();
// A message that it cannot read. `terminate()` would end the process with it: native code that is interrupted throws past all handlers.
if (threads.isMainThread) process.on("SIGUSR2", () => void started.at(-1)?.postMessage(null));
