// What stands between many callers and the models of a bundle: batches, bounds, budgets, restarts.
export { breakingLane, type BreakerOptions } from "./breaking-lane.ts";
export { cpuQuota, shareThreads } from "./cpu-quota.ts";
export type { LaneObserver, LaneTrace, TracedRows } from "./lane-observer.ts";
export { createLlmBudget, type LlmBudget, type LlmLimits } from "./llm-budget.ts";
export { isTimeout } from "./queue-errors.ts";
export { queuedLane, type QueuedLane, type QueueOptions } from "./queued-lane.ts";
export { supervisedLane, type SupervisionOptions } from "./supervised-lane.ts";
