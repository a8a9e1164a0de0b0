import { Hono } from "hono";
import { listen, type HttpServer } from "../http/listen.ts";

/** How a stand-in behaves. */
export interface StandInOptions {
  /** Without it every request but those of the console is 401. */
  readonly key?: string;
}

/** A server before another: metrics, the routing curve and keys are its own, so that a test knows what they say. */
export async function standIns(upstream: string, { key }: StandInOptions = {}): Promise<HttpServer> {
  const app = new Hono();
  if (key !== undefined) {
    app.use("/v1/*", async (c, next) => {
      if (c.req.header("authorization") !== `Bearer ${key}`)
        return c.json({ title: "Unauthorized", detail: "A key is needed." }, 401);
      return next();
    });
  }
  const ask = (path: string, body?: unknown): Promise<Response> =>
    fetch(`${upstream}${path}`, {
      redirect: "manual",
      ...(body === undefined
        ? {}
        : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
  app.get("/metrics", (c) =>
    c.text(`corella_requests_total{endpoint="/v1/rank",method="POST",status="200"} 7
corella_request_seconds_bucket{endpoint="/v1/rank",le="0.05"} 7
corella_request_seconds_bucket{endpoint="/v1/rank",le="+Inf"} 7
corella_lane_waiting_rows{lane="llm"} 3
corella_lane_batch_rows_sum{lane="llm"} 40
corella_lane_batch_seconds_sum{lane="llm"} 2
corella_fallbacks_total{reason="full"} 1
corella_entropy_bucket{le="0.3"} 5
corella_entropy_bucket{le="0.6"} 15
corella_entropy_bucket{le="+Inf"} 20
`),
  );
  app.get("/v1/info", async (c) => {
    const info = (await (await ask("/v1/info")).json()) as object;
    const point = { standardError: 0.001, gain: 0 };
    const points = [
      { ...point, share: 0, threshold: 0.69, auc: 0.7, logLoss: 0.6 },
      { ...point, share: 0.5, threshold: 0.6, auc: 0.75, logLoss: 0.55 },
      { ...point, share: 1, threshold: -1, auc: 0.74, logLoss: 0.56 },
    ];
    return c.json({ ...info, routingCurve: { by: "entropy", best: 0.5, points } });
  });
  app.all("*", async (c) => {
    const { pathname, search } = new URL(c.req.url);
    const asked: unknown = c.req.method === "POST" ? await c.req.json() : undefined;
    const { body, status, headers } = await ask(`${pathname}${search}`, asked);
    return new Response(body, { status, headers });
  });
  return listen({ host: "127.0.0.1", port: 0 }, app);
}
