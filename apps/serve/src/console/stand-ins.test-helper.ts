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

/** A server before another, with what that does not have: ranks, explanations, metrics, a curve and keys. */
export async function standIns(upstream: string, { key }: StandInOptions = {}): Promise<HttpServer> {
  let ranks = 0;
  const app = new Hono();
  if (key !== undefined) {
    app.use("/v1/*", async (c, next) => {
      if (c.req.header("authorization") !== `Bearer ${key}`)
        return c.json({ title: "Unauthorized", detail: "A key is needed." }, 401);
      return next();
    });
  }
  const score = async (samples: readonly object[], llm: string): Promise<Scored> => {
    const response = await fetch(`${upstream}/v1/score`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ samples, llm }),
    });
    return (await response.json()) as Scored;
  };
  app.post("/v1/rank", async (c) => {
    ranks += 1;
    const { candidates, llm, ...asker } = await c.req.json<{ candidates: string[]; llm: string }>();
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
    if ("llm" in sample) return c.json({ detail: 'There is no field "llm".' }, 400);
    const [routed, asked] = [await score([sample], "auto"), await score([sample], "always")];
    return c.json({
      ...asked.predictions[0],
      ...routed.predictions[0],
      record: { ...sample, history: [{ item: "item-1", rating: 3, time: 1_000_000_000, context: {} }] },
      features: [
        { name: "user", type: "categorical", value: "user-3" },
        { name: "stars", type: "sequence", value: ["1", null], input: 2.5 },
      ],
      routing: { why: "Its entropy is what it is.", toLlm: true },
      mix: { rule: { kind: "replace" }, probability: asked.predictions[0]!.probability },
      prompt: { text: "Would they like <this>?\nAnswer:", tokens: 9, maxTokens: 120 },
    });
  });
  app.get("/metrics", (c) =>
    c.text(`corella_requests_total{endpoint="/v1/rank",method="POST",status="200"} ${ranks}
corella_request_seconds_bucket{endpoint="/v1/rank",le="0.05"} ${ranks}
corella_request_seconds_bucket{endpoint="/v1/rank",le="+Inf"} ${ranks}
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
    const info = (await (await fetch(`${upstream}/v1/info`)).json()) as object;
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
    const answer = await fetch(`${upstream}${pathname}${search}`, { redirect: "manual" });
    return new Response(await answer.arrayBuffer(), { status: answer.status, headers: answer.headers });
  });
  return listen({ host: "127.0.0.1", port: 0 }, (request) => app.fetch(request));
}
