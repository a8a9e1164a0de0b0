// Durable events behind a served bundle: histories and running statistics that go on with them.
export {
  type Appended,
  type Attachment,
  defaultLimits,
  type EventStore,
  type HistoryEnd,
  type Snapshot,
  type StoreLimits,
  type UserHistory,
} from "./event-store.ts";
export { type LoggedEvent, maxEvents, type StoreEvent, storeEventSchema } from "./event.ts";
export { openStore } from "./open-store.ts";
export { createRedisClient } from "./redis/redis-client.ts";
export { openRedisStore, type RedisStoreOptions } from "./redis/redis-store.ts";
export {
  type NewEvent,
  openServedState,
  type ServedBundle,
  type ServedState,
  type ServedStateOptions,
} from "./served-state.ts";
export { openSqliteStore } from "./sqlite/sqlite-store.ts";
