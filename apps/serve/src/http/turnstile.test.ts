import { Hono } from "hono";
import { expect, test } from "vitest";
import { turnstile } from "./turnstile.ts";

/** An app of which each request takes this thread for some time; which requests have begun. */
function world(workMs: number): { ask: (name: string, bytes?: number) => Promise<string>; begun: string[] } {
  const begun: string[] = [];
  const app = new Hono();
  app.onError((error, c) => c.text((error as Error & { code?: string }).code ?? "", 503));
  app.post("*", turnstile({ longestWaitMs: 250, alone: ["/heavy"] }));
  app.post("/:name", (c) => {
    begun.push(c.req.param("name"));
    const untilMs = performance.now() + workMs;
    while (performance.now() < untilMs);
    return c.text("done");
  });
  return {
    begun,
    async ask(name, bytes = 20_000) {
      const headers = { "content-length": String(bytes) };
      return (await app.request(`/${name}`, { method: "POST", headers })).text();
    },
  };
}

test("large requests begin in their order, each in a turn of its own, so that others can arrive between them", async () => {
  const { ask, begun } = world(5);
  const first = ["a", "b", "c"].map((name) => ask(name));
  let turns = 0;
  const count = setInterval(() => (turns += 1), 1);
  while (begun.length === 0) await new Promise(setImmediate);
  expect(begun).toEqual(["a"]);
  const last = ask("d");
  expect(await Promise.all([...first, last])).toEqual(["done", "done", "done", "done"]);
  clearInterval(count);
  expect(begun).toEqual(["a", "b", "c", "d"]);
  expect(turns).toBeGreaterThan(1);
});

test("small requests begin together, sixteen at most, and as many as have 16 KiB", async () => {
  const { ask, begun } = world(1);
  const begunTogether = async (count: number, bytes: number): Promise<number[]> => {
    begun.length = 0;
    const asked = Array.from({ length: count }, (_, i) => ask(String(i), bytes));
    const counts: number[] = [];
    while (begun.length < count) {
      await new Promise(setImmediate);
      if (begun.length > (counts.at(-1) ?? 0)) counts.push(begun.length);
    }
    await Promise.all(asked);
    expect(begun).toEqual(Array.from({ length: count }, (_, i) => String(i)));
    return counts;
  };
  expect(await begunTogether(20, 50)).toEqual([16, 20]);
  expect(await begunTogether(5, 8000)).toEqual([2, 4, 5]);
  begun.length = 0;
  const heavy = ["heavy", "heavy", "a", "b"].map((name) => ask(name, 50));
  while (begun.length === 0) await new Promise(setImmediate);
  expect(begun).toEqual(["heavy"]);
  await Promise.all(heavy);
});

test("what would wait too long is refused, at once where others have, and later ones are let in again", async () => {
  const { ask, begun } = world(60);
  const burst = Array.from({ length: 20 }, (_, i) => ask(String(i)));
  const late = new Promise<string>((resolve) => {
    const look = (): void => {
      if (begun.length < 5) setImmediate(look);
      else resolve(ask("late"));
    };
    look();
  });
  const answers = await Promise.all(burst);
  const done = answers.filter((answer) => answer === "done").length;
  // The sixth would begin after 300 ms at the least.
  expect(done).toBeGreaterThan(0);
  expect(done).toBeLessThanOrEqual(5);
  expect(answers.slice(done)).toEqual(Array.from({ length: 20 - done }, () => "serve/busy"));
  if (done === 5) expect(await late).toBe("serve/busy");
  expect(await ask("again")).toBe("done");
});
