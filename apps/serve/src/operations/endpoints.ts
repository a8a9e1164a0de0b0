import { z } from "zod";
import type { Endpoint } from "../http/endpoint.ts";
import type { Drain } from "./drain.ts";
import type { Metrics } from "./metrics.ts";
import type { Reload } from "./reload.ts";
import type { Tracing } from "./tracing.ts";

/** What watches a server and steers it; each may be missing. */
export interface Operations {
  readonly metrics?: Metrics | undefined;
  readonly tracing?: Tracing | undefined;
  readonly drain?: Drain | undefined;
  /** There only where reloads may be asked for over HTTP. */
  readonly reload?: Reload | undefined;
}

const reloadedSchema = z.strictObject({
  bundles: z.array(
    z.strictObject({ name: z.string(), version: z.string(), replaced: z.string().optional() }),
  ),
});

/** The endpoints of what is there. */
export function operationsEndpoints({ metrics, reload }: Operations): Endpoint[] {
  const endpoints: Endpoint[] = [];
  if (metrics !== undefined) {
    endpoints.push({
      method: "GET",
      path: "/metrics",
      scope: "metrics",
      purpose: "counts and times for Prometheus",
      contentType: metrics.contentType,
      handle: async (c) => c.body(await metrics.text(), 200, { "content-type": metrics.contentType }),
    });
  }
  if (reload !== undefined) {
    endpoints.push({
      method: "POST",
      path: "/v1/admin/reload",
      scope: "admin",
      purpose: "reads the bundles again: new ones answer once they are warm",
      response: reloadedSchema,
      problems: ["serve/reload-running", "serve/reload-failed"],
      handle: async (c) => c.json({ bundles: await reload.now() }),
    });
  }
  return endpoints;
}
