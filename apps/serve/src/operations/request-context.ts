import { AsyncLocalStorage } from "node:async_hooks";
import type { Span } from "@opentelemetry/api";

/** What belongs to a request, wherever in its work. */
export interface RequestContext {
  readonly id: string;
  /** `name/version` of the bundles that answered so far. */
  readonly answeredBy: Set<string>;
  /** The innermost span; undefined where nothing is traced. */
  readonly span?: Span | undefined;
}

/** The request that runs: known to logs, answers and spans without being passed along. */
export const requestContext: AsyncLocalStorage<RequestContext> = new AsyncLocalStorage();
