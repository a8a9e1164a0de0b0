import type { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { world } from "../world.test-helper.ts";
import { appOf, getJson, named, postInfer, textInput } from "./oip-world.test-helper.ts";

const one = { inputs: [textInput("item", ["2"])] };

describe("statistics", () => {
  type Counted = { count: number; ns: number };
  interface Told {
    name: string;
    version: string;
    last_inference: number;
    inference_count: number;
    execution_count: number;
    inference_stats: Record<string, Counted>;
    batch_stats: { batch_size: number; compute_infer: Counted }[];
  }
  const tell = async (app: Hono, path: string): Promise<Told[]> =>
    ((await getJson(app, path)) as { model_stats: Told[] }).model_stats;

  test("count requests, samples and time, by model and version", async () => {
    const [first, second] = [named("films", "1"), named("films", "2")];
    const app = appOf(first.deployment, second.deployment);
    await postInfer(app, one, { model: "films" });
    await postInfer(app, { inputs: [textInput("item", ["1", "2", "2"])] }, { model: "films" });
    await postInfer(app, { inputs: [textInput("item", ["1", "2", "2"])] }, { model: "films" });
    await postInfer(app, {}, { model: "films" });
    first.failures.crm = new Error("broken");
    await postInfer(app, one, { model: "films" });
    const [told, other] = await tell(app, "/v2/models/stats");
    expect(told).toMatchObject({ name: "films", version: "1", inference_count: 7, execution_count: 3 });
    expect(Math.abs(told!.last_inference - Date.now())).toBeLessThan(60_000);
    const { success, fail, queue, compute_input, compute_infer, compute_output } = told!.inference_stats;
    expect([success!.count, fail!.count, queue!.count, compute_infer!.count]).toEqual([3, 1, 0, 3]);
    expect(fail!.ns).toBeGreaterThan(0);
    // Each part is rounded to whole nanoseconds.
    const parts = compute_input!.ns + compute_infer!.ns + compute_output!.ns;
    expect(Math.abs(success!.ns - parts)).toBeLessThan(10);
    expect(told!.batch_stats.map(({ batch_size, compute_infer: { count } }) => [batch_size, count])).toEqual([
      [1, 1],
      [3, 2],
    ]);
    expect(other).toMatchObject({ version: "2", inference_count: 0, last_inference: 0, batch_stats: [] });
    expect(await tell(app, "/v2/models/films/stats")).toHaveLength(2);
    expect(await tell(app, "/v2/models/films/versions/2/stats")).toEqual([other]);
  });

  test("count as failed what a model did not answer in time, not what was refused before one was asked", async () => {
    const { app, failures, info, toCrm } = world();
    Object.assign(info, { ratings: [1, 5] });
    const failed = async (): Promise<number> =>
      (await tell(app, "/v2/models/tiny/stats"))[0]!.inference_stats["fail"]!.count;
    const beyond = { item: "2", history: [{ item: "1", rating: 99 }] };
    const refused = await postInfer(app, { inputs: [textInput("record", [JSON.stringify(beyond)])] });
    expect(refused.status).toBe(400);
    expect(toCrm).toEqual([]);
    expect(await failed()).toBe(0);
    failures.crm = "hang";
    expect((await postInfer(app, { ...one, parameters: { timeout: 1 } })).status).toBe(503);
    expect(await failed()).toBe(1);
  });
});
