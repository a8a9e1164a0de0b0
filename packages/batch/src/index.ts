// Rows of Parquet and CSV files through a bundle to Parquet, in shards that any number of attempts ends alike.
export { finish, manifestFile, type Manifest } from "./finish.ts";
export { missingShards } from "./missing.ts";
export type { Plan, Shard } from "./plan-format.ts";
export { makePlan, planFile, readPlan, savePlan, type PlanOptions } from "./plan.ts";
export {
  partNames,
  runShard,
  shardRunner,
  type RunOptions,
  type ShardRunner,
  type Sidecar,
} from "./run-shard.ts";
export type { Drift, Summary } from "./summary.ts";
