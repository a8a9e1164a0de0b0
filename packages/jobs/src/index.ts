// Idempotent commands as units of work, placed on local processes or on workers behind a Redis queue.
export { bullmq, defaultQueue, type BullmqOptions } from "./bullmq.ts";
export { localProcesses, type LocalOptions } from "./local-processes.ts";
export { runUnits } from "./run-units.ts";
export { isRetryable, temporaryFailure, type Engine, type Programs, type Unit } from "./unit.ts";
export { work, type WorkListener, type WorkOptions } from "./work.ts";
