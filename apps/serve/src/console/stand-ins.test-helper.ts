import { Hono } from "hono";
import { listen, type HttpServer } from "../http/listen.ts";

interface Scored {
  readonly predictions: readonly {
    readonly probability: number;
    readonly route: string;
    readonly entropy?: number;
  }[];
}

/** How a stand-in behaves. */
export interface StandInOptions {
  /** Without it every request but those of the console is 401. */
  readonly key?: string;
}

/**
 * A server before another, which it asks first: in the place of what that does not have, ranks and explanations, there are simple ones.
 * Metrics, the routing curve and keys are always its own, so that a test knows what they say.
 */
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
  const score = async (samples: readonly object[], llm: string): Promise<Scored> =>
    (await (await ask("/v1/score", { samples, llm })).json()) as Scored;
  app.post("/v1/rank", async (c) => {
    const body = await c.req.json<{ candidates: string[]; llm: string }>();
    const real = await ask("/v1/rank", body);
    if (real.status !== 404) return real;
    const { candidates, llm, ...asker } = body;
    const { predictions } = await score(
      candidates.map((item) => ({ ...asker, item })),
      llm,
    );
    const items = predictions
      .map((prediction, i) => ({ item: candidates[i]!, ...prediction }))
      .toSorted((a, b) => b.probability - a.probability)
      .map((item, i) => ({ rank: i + 1, ...item }));
    return c.json({ items, latencyMs: 12.3 });
  });
  app.post("/v1/explain", async (c) => {
    const sample = await c.req.json<{ item: string }>();
    const real = await ask("/v1/explain", sample);
    if (real.status !== 404) return real;
    const [routed, asked] = [await score([sample], "auto"), await score([sample], "always")];
    return c.json({
      ...asked.predictions[0],
      ...routed.predictions[0],
      record: { ...sample, history: [{ item: "item-1", rating: 3, time: 1_000_000_000, context: {} }] },
      features: [
        { name: "user", type: "categorical", value: "user-3" },
        { name: "stars", type: "sequence", value: ["1", null], input: 2.5 },
      ],
      routing: { why: "The entropy of the CRM's answer is what it is.", toLlm: true },
      mix: { rule: { kind: "replace" }, probability: asked.predictions[0]!.probability },
      prompt: { text: "Given a user who <likes> this:\nAnswer:", tokens: 9, maxTokens: 120 },
    });
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
    const { body, status, headers } = await ask(`${pathname}${search}`);
    return new Response(body, { status, headers });
  });
  return listen({ host: "127.0.0.1", port: 0 }, (request) => app.fetch(request));
}
