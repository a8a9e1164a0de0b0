import { CorellaError } from "@corella/errors";
import type { Predictor } from "@corella/bundle";
import { Hono } from "hono";
import { z } from "zod";

const event = z.strictObject({ item: z.string(), rating: z.number() });
const question = z.strictObject({
  items: z.array(z.string()).min(1).max(100),
  /** What the user did before, oldest first. */
  history: z.array(event).max(50).default([]),
});

/** A service of one's own around a Predictor: `POST /rank` puts items in order for whoever has this history. */
export function createApp(predictor: Predictor): Hono {
  const app = new Hono();
  app.get("/health", (context) => context.json({ status: "ok" }));
  app.post("/rank", async (context) => {
    const asked = question.safeParse(await context.req.json().catch(() => undefined));
    if (!asked.success) return context.json({ error: z.prettifyError(asked.error) }, 400);
    const { items, history } = asked.data;
    const answers = await predictor.score(items.map((item) => ({ user: null, item, history })));
    const ranked = items
      .map((item, i) => ({ item, probability: answers[i]!.probability, route: answers[i]!.route }))
      .sort((a, b) => b.probability - a.probability);
    return context.json({ ranked });
  });
  // A mistake in what was asked carries a code, a place and a remedy.
  app.onError((error, context) => {
    if (!CorellaError.isInstance(error)) throw error;
    const { code, message, place, remedy } = error;
    return context.json({ error: message, code, place, remedy }, 422);
  });
  return app;
}
