import { CorellaError } from "@corella/errors";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { answerOf, manualLane, noting, record } from "./lanes.test-helper.ts";
import { queuedLane } from "./queued-lane.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const settled = (): Promise<unknown> => new Promise(setImmediate);

describe("batches", () => {
  test("an idle lane begins at once with what is there, and what comes meanwhile is its next batch; each caller gets its own answers", async () => {
    const lane = manualLane();
    const observer = noting();
    const queued = queuedLane(lane, { observer });
    const first = queued.score([record(1)]);
    await settled();
    vi.advanceTimersByTime(5);
    const others = [queued.score([record(2), record(3)]), queued.score([record(4)])];
    expect(queued.waiting.rows).toBe(3);
    lane.asked[0]!.answer();
    expect([...(await first)]).toEqual([answerOf("1")]);
    await settled();
    vi.advanceTimersByTime(7);
    lane.asked[1]!.answer();
    expect((await Promise.all(others)).map((scores) => [...scores])).toEqual([
      [answerOf("2"), answerOf("3")],
      [answerOf("4")],
    ]);
    expect(lane.asked.map(({ items }) => items)).toEqual([["1"], ["2", "3", "4"]]);
    expect(observer.batches).toEqual([
      { rows: 1, waitsMs: [0], durationMs: 5 },
      { rows: 3, waitsMs: [0, 0], durationMs: 7 },
    ]);
    expect(observer.drops).toEqual([]);
    expect(queued.waiting).toEqual({ rows: 0, bytes: 0 });
  });

  test("a call of many records is divided, and others get their turn between its batches", async () => {
    const lane = manualLane();
    const queued = queuedLane(lane, { batchRows: 2 });
    const long = queued.score([1, 2, 3, 4, 5].map(record));
    const short = queued.score([record(6)]);
    await settled();
    for (let batch = 0; batch < 3; batch++) {
      lane.asked[batch]!.answer();
      await settled();
    }
    expect(lane.asked.map(({ items }) => items.join())).toEqual(["1,2", "6,3", "4,5"]);
    expect([...(await long)]).toEqual(["1", "2", "3", "4", "5"].map(answerOf));
    expect([...(await short)]).toEqual([answerOf("6")]);
  });

  test("an idle lane may wait for a batch to fill, but not when it is full, and not longer than it should", async () => {
    const lane = manualLane();
    const queued = queuedLane(lane, { batchWaitMs: 2, batchRows: 3 });
    void queued.score([record(1)]);
    await settled();
    vi.advanceTimersByTime(1);
    void queued.score([record(2)]);
    expect(lane.asked).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(lane.asked.map(({ items }) => items.join())).toEqual(["1,2"]);
    lane.asked[0]!.answer();
    await settled();
    void queued.score([3, 4, 5].map(record));
    await settled();
    expect(lane.asked[1]!.items).toEqual(["3", "4", "5"]);
  });

  test("calls that come together are one batch, and one that is given up at once is none", async () => {
    const lane = manualLane();
    const queued = queuedLane(lane);
    const abort = new AbortController();
    const first = queued.score([record(1)]);
    const given = queued.score([record(2)], abort.signal);
    const last = Promise.resolve().then(() => queued.score([record(3)]));
    abort.abort(new Error("gone"));
    await expect(given).rejects.toThrow("gone");
    await settled();
    expect(lane.asked.map(({ items }) => items.join())).toEqual(["1,3"]);
    lane.asked[0]!.answer();
    expect((await Promise.all([first, last])).map(([score]) => score)).toEqual(["1", "3"].map(answerOf));
  });

  test("a lane that computes several batches at once is asked about several", async () => {
    const lane = manualLane();
    const queued = queuedLane(lane, { concurrency: 2, batchRows: 1 });
    const scores = queued.score([1, 2, 3].map(record));
    await settled();
    expect(lane.asked).toHaveLength(2);
    lane.asked[1]!.answer();
    await settled();
    expect(lane.asked).toHaveLength(3);
    lane.asked[2]!.answer();
    lane.asked[0]!.answer();
    expect([...(await scores)]).toEqual(["1", "2", "3"].map(answerOf));
  });
});

test("a trace follows each caller: its wait, the batch that it is in, and its end; one that throws stops nothing", async () => {
  const lane = manualLane();
  const told: unknown[] = [];
  const trace = {
    waiting(rows: number) {
      told.push(["waits", rows]);
      return {
        begun: (batch: { readonly rows: number }) => void told.push(["begun", rows, batch.rows]),
        ended(error?: unknown) {
          told.push(["ended", rows, error]);
          throw new Error("of the trace");
        },
      };
    },
  };
  const queued = queuedLane(lane, { trace });
  const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const ask = (rows: number): Promise<Float32Array> =>
    queued.score(Array.from({ length: rows }, (_, i) => record(i)));
  const calls = [ask(1)];
  await settled();
  calls.push(ask(2), ask(3));
  lane.asked[0]!.answer();
  await calls[0];
  await settled();
  const gone = new Error("gone");
  calls[1]!.catch(() => {});
  lane.asked[1]!.fail(gone);
  await settled();
  lane.asked[2]!.fail(gone);
  await settled();
  lane.asked[3]!.answer();
  await calls[2];
  expect(told).toEqual([
    ["waits", 1],
    ["begun", 1, 1],
    ["waits", 2],
    ["waits", 3],
    ["ended", 1, undefined],
    ["begun", 2, 5],
    ["begun", 3, 5],
    ["begun", 2, 2],
    ["ended", 2, gone],
    ["begun", 3, 3],
    ["ended", 3, undefined],
  ]);
  expect(warnings).toHaveBeenCalledTimes(3);
  warnings.mockRestore();
});

describe("bounds", () => {
  test("what does not fit is refused at once, and fits again when something has begun", async () => {
    const lane = manualLane();
    const observer = noting();
    const queued = queuedLane(lane, { queueRows: 2, observer });
    void queued.score([record(1)]);
    await settled();
    const waits = queued.score([2, 3].map(record));
    await expect(queued.score([record(4)])).rejects.toMatchObject({
      code: "serving/full",
      remedy: "Try again in a moment.",
    });
    expect(observer.drops).toEqual([["full", 1]]);
    lane.asked[0]!.answer();
    await settled();
    lane.asked[1]!.answer();
    expect(await waits).toHaveLength(2);
    await expect(queued.score([1, 2, 3].map(record))).rejects.toMatchObject({
      code: "serving/full",
      remedy: "Ask about fewer at once.",
    });
  });

  test("bytes are bounded; a history that neighbours share counts once", async () => {
    const history = Array.from({ length: 100 }, (_, i) => ({ item: `item-${i}`, rating: 3 }));
    const candidates = Array.from({ length: 50 }, (_, i) => ({ ...record(i), history }));
    const size = JSON.stringify({ history }).length + 50 * JSON.stringify(record(1)).length;
    const lane = manualLane();
    const queued = queuedLane(lane, { queueBytes: 1.5 * size });
    void queued.score([record(0)]);
    void queued.score(candidates);
    expect(queued.waiting.bytes / size).toBeGreaterThan(0.7);
    expect(queued.waiting.bytes / size).toBeLessThan(1.3);
    await expect(queued.score(candidates)).rejects.toMatchObject({ code: "serving/full" });
  });
});

describe("what nobody waits for is not computed", () => {
  test("a call that expires or is given up while it waits ends at once, by a timer and not by the lane", async () => {
    const lane = manualLane();
    const observer = noting();
    const queued = queuedLane(lane, { observer });
    void queued.score([record(1)]);
    await settled();
    const abort = new AbortController();
    const late = queued.score([record(2)], undefined, { deadlineMs: performance.now() + 10 });
    const timed = queued.score([record(3)], AbortSignal.any([abort.signal]));
    const waits = queued.score([record(4)], undefined, { deadlineMs: performance.now() + 20 });
    vi.advanceTimersByTime(11);
    await expect(late).rejects.toMatchObject({ code: "serving/expired" });
    abort.abort(new Error("gone"));
    await expect(timed).rejects.toThrow("gone");
    expect(lane.asked).toHaveLength(1);
    lane.asked[0]!.answer();
    await settled();
    expect(lane.asked[1]!.items).toEqual(["4"]);
    lane.asked[1]!.answer();
    expect(await waits).toHaveLength(1);
    vi.advanceTimersByTime(100);
    expect(observer.drops).toEqual([
      ["expired", 1],
      ["abandoned", 1],
    ]);
  });

  test("a signal whose time is up is an expiry", async () => {
    const observer = noting();
    const queued = queuedLane(manualLane(), { observer });
    const abort = new AbortController();
    const call = queued.score([record(1)], abort.signal);
    abort.abort(new DOMException("late", "TimeoutError"));
    await expect(call).rejects.toMatchObject({ code: "serving/expired" });
    expect(observer.drops).toEqual([["expired", 1]]);
    const passed = queued.score([record(1)], undefined, { deadlineMs: performance.now() });
    await expect(passed).rejects.toMatchObject({ code: "serving/expired" });
  });

  test("a batch is given up when all of its calls are, and not before", async () => {
    const lane = manualLane();
    const queued = queuedLane(lane);
    void queued.score([record(0)]);
    await settled();
    const aborts = [new AbortController(), new AbortController()];
    const calls = aborts.map(({ signal }, i) => queued.score([record(i + 1)], signal));
    lane.asked[0]!.answer();
    await settled();
    const batch = lane.asked[1]!;
    const gone = Promise.allSettled(calls);
    aborts[0]!.abort();
    expect(batch.signal!.aborted).toBe(false);
    aborts[1]!.abort();
    expect(batch.signal!.aborted).toBe(true);
    await gone;
    void queued.score([record(3)]);
    await settled();
    expect(lane.asked[2]!.items).toEqual(["3"]);
  });
});

describe("failures", () => {
  test("a failed batch is computed again caller by caller: one bad record fails alone", async () => {
    const asked: string[][] = [];
    const observer = noting();
    const queued = queuedLane(
      {
        async score(records) {
          const items = records.map(({ item }) => item);
          asked.push(items);
          await settled();
          if (items.includes("bad")) throw new CorellaError({ code: "test/bad", message: "bad" });
          return Float32Array.from(items, answerOf);
        },
        dispose: async () => {},
      },
      { observer },
    );
    const calls = [["2", "3"], ["4", "bad"], ["5"]].map((items) => queued.score(items.map(record)));
    const ends = await Promise.allSettled(calls);
    expect(ends.map((end) => (end.status === "fulfilled" ? end.value.length : end.reason.code))).toEqual([
      2,
      "test/bad",
      1,
    ]);
    expect(asked).toEqual([["2", "3", "4", "bad", "5"], ["2", "3"], ["4", "bad"], ["5"]]);
    expect(observer.drops).toEqual([["failed", 2]]);
  });

  test("observers that throw, lanes that throw at once and lanes that miscount do not stop the others", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    let answers: () => Promise<Float32Array> = () => {
      throw new TypeError("a defect");
    };
    const queued = queuedLane(
      { score: () => answers(), dispose: async () => {} },
      {
        observer: {
          batch() {
            throw new Error("metrics");
          },
          dropped() {
            throw new Error("metrics");
          },
        },
      },
    );
    await expect(queued.score([record(1)])).rejects.toThrow("a defect");
    answers = async () => new Float32Array(2);
    await expect(queued.score([record(1)])).rejects.toMatchObject({ code: "serving/answers" });
    answers = async () => new Float32Array([0.5]);
    expect([...(await queued.score([record(1)]))]).toEqual([0.5]);
    expect(warned).toHaveBeenCalled();
    warned.mockRestore();
  });

  test("closing ends what waits", async () => {
    const queued = queuedLane(manualLane());
    void queued.score([record(1)]);
    await settled();
    const waits = queued.score([record(2)]);
    const closing = queued.dispose();
    await expect(waits).rejects.toMatchObject({ code: "serving/closed" });
    await closing;
    await expect(queued.score([record(3)])).rejects.toMatchObject({ code: "serving/closed" });
  });
});

test("property: every call ends exactly once, rightly, within the bounds, and nothing is computed for those that had left", async () => {
  const action = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("ask" as const),
        rows: fc.integer({ min: 1, max: 7 }),
        deadline: fc.option(fc.integer({ min: 0, max: 20 })),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort" as const), which: fc.nat(30) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("answer" as const), fails: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 15 }) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(0, 3),
      async (actions, batchRows, concurrency, batchWaitMs) => {
        const lane = manualLane();
        const observer = noting();
        const queueRows = 10;
        const queued = queuedLane(lane, { batchRows, concurrency, batchWaitMs, queueRows, observer });
        const calls: { items: string[]; abort: AbortController; ends: unknown[] }[] = [];
        let next = 0;
        let open = 0;
        for (const step of actions) {
          const left = new Set(calls.filter(({ ends }) => ends.length > 0).flatMap(({ items }) => items));
          const before = lane.asked.length;
          if (step.kind === "ask") {
            const items = Array.from({ length: step.rows }, () => String(next++));
            const call = { items, abort: new AbortController(), ends: [] as unknown[] };
            calls.push(call);
            const deadlineMs = step.deadline === null ? undefined : performance.now() + step.deadline;
            queued.score(items.map(record), call.abort.signal, { deadlineMs }).then(
              (scores) => call.ends.push(scores),
              (error) => call.ends.push(error),
            );
          } else if (step.kind === "abort") calls[step.which]?.abort.abort(new Error("gone"));
          else if (step.kind === "wait") vi.advanceTimersByTime(step.ms);
          else if (open < lane.asked.length) {
            if (step.fails) lane.asked[open++]!.fail(new Error("lane"));
            else lane.asked[open++]!.answer();
          }
          await settled();
          expect(queued.waiting.rows).toBeLessThanOrEqual(queueRows);
          expect(queued.waiting.rows).toBeGreaterThanOrEqual(0);
          const waiting = calls.filter(({ ends }) => ends.length === 0).flatMap(({ items }) => items);
          expect(queued.waiting.rows).toBeLessThanOrEqual(waiting.length);
          for (const { items } of lane.asked.slice(before)) {
            expect(items.length).toBeLessThanOrEqual(batchRows);
            expect(items.filter((item) => left.has(item))).toEqual([]);
          }
        }
        for (let i = 0; i < 200; i++) {
          vi.advanceTimersByTime(5);
          if (open < lane.asked.length) lane.asked[open++]!.answer();
          await settled();
        }
        for (const { items, ends } of calls) {
          expect(ends).toHaveLength(1);
          if (ends[0] instanceof Float32Array) expect([...ends[0]]).toEqual(items.map(answerOf));
        }
        const answered = calls
          .filter(({ ends }) => ends[0] instanceof Float32Array)
          .flatMap(({ items }) => items);
        const askedItems = new Set(lane.asked.flatMap(({ items }) => items));
        for (const item of answered) expect(askedItems.has(item)).toBe(true);
        expect(queued.waiting).toEqual({ rows: 0, bytes: 0 });
        const full = observer.drops.filter(([reason]) => reason === "full");
        expect(full.length).toBe(
          calls.filter(({ ends }) => (ends[0] as CorellaError).code === "serving/full").length,
        );
      },
    ),
    { numRuns: 150 },
  );
});
