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
if (threads.isMainThread) process.on("SIGUSR2", () => void started.at(-1)?.terminate());
