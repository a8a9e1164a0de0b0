import { Worker } from "node:worker_threads";
import { connectLane, type Lane } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { record } from "./lanes.test-helper.ts";
import { supervisedLane } from "./supervised-lane.ts";

/** A lane that ends when the test says so. */
function mortal(score: Lane["score"] = async (records) => new Float32Array(records.length)): Lane & {
  readonly end: () => void;
  readonly asked: string[][];
} {
  let end!: () => void;
  const ended = new Promise<CorellaError>((resolve) => {
    end = () => resolve(new CorellaError({ code: "bundle/lane", message: "ended" }));
  });
  const asked: string[][] = [];
  return {
    ended,
    end,
    asked,
    score: (records, signal) => {
      asked.push(records.map(({ item }) => item));
      return score(records, signal);
    },
    dispose: async () => {},
  };
}

const settled = (): Promise<unknown> => new Promise(setImmediate);
const probe = record("probe");

describe("a lane that ends", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("is opened again and warmed before it is asked; meanwhile calls fail at once", async () => {
    const opened: ReturnType<typeof mortal>[] = [];
    const changes: unknown[] = [];
    const lane = await supervisedLane(
      async () => {
        opened.push(mortal());
        return opened.at(-1)!;
      },
      {
        probe,
        onChange: (failure) => changes.push(failure),
      },
    );
    await lane.score([record(1)]);
    opened[0]!.end();
    await settled();
    await expect(lane.score([record(2)])).rejects.toMatchObject({
      code: "bundle/lane",
      cause: { message: "ended" },
    });
    vi.advanceTimersByTime(100);
    await settled();
    await lane.score([record(3)]);
    expect(opened.map(({ asked }) => asked)).toEqual([
      [["probe"], ["1"]],
      [["probe"], ["3"]],
    ]);
    expect(changes).toEqual([expect.objectContaining({ message: "ended" }), undefined]);
  });

  test("waits longer after each start that fails, up to a limit, and as at first once a lane has lived", async () => {
    let fails = false;
    const opened: ReturnType<typeof mortal>[] = [];
    const starts: number[] = [];
    const lane = await supervisedLane(
      async () => {
        starts.push(performance.now());
        if (fails) throw new Error("no memory");
        opened.push(mortal());
        return opened.at(-1)!;
      },
      { probe, firstDelayMs: 10, longestDelayMs: 40 },
    );
    fails = true;
    const elapse = async (ms: number): Promise<void> => {
      for (let i = 0; i < ms; i++) {
        vi.advanceTimersByTime(1);
        await settled();
      }
    };
    opened[0]!.end();
    await settled();
    await elapse(151);
    const begin = starts[0]!;
    expect(starts.map((at) => Math.round(at - begin))).toEqual([0, 10, 30, 70, 110, 150]);
    await expect(lane.score([record(1)])).rejects.toMatchObject({ cause: { message: "no memory" } });
    fails = false;
    await elapse(50);
    await lane.score([record(1)]);
    await elapse(50);
    opened[1]!.end();
    await elapse(11);
    expect(opened).toHaveLength(3);
    await lane.dispose();
    opened[2]!.end();
    await elapse(100);
    expect(opened).toHaveLength(3);
  });

  test("a first start that fails is its caller's to know, and so is a probe that does", async () => {
    await expect(supervisedLane(() => Promise.reject(new Error("damaged")), { probe })).rejects.toThrow(
      "damaged",
    );
    let disposed = 0;
    const bad = {
      ...mortal(() => Promise.reject(new Error("bad probe"))),
      dispose: async () => void (disposed += 1),
    };
    await expect(supervisedLane(async () => bad, { probe })).rejects.toThrow("bad probe");
    expect(disposed).toBe(1);
  });
});

test("a thread that exits at a request is replaced by one that answers", async () => {
  const open = async (): Promise<Lane> => {
    const worker = new Worker(
      `const { parentPort, threadId } = require("node:worker_threads");
       parentPort.on("message", ({ id, records }) => {
         if (records[0].item === "poison") process.exit(3);
         parentPort.postMessage({ kind: "scores", id, scores: new Float32Array([threadId]) });
       });
       parentPort.postMessage({ kind: "ready" });`,
      { eval: true },
    );
    return connectLane(worker, "llm");
  };
  let back!: () => void;
  const restarted = new Promise<void>((resolve) => {
    back = resolve;
  });
  const lane = await supervisedLane(open, {
    probe,
    firstDelayMs: 1,
    onChange: (failure) => failure === undefined && back(),
  });
  const [first] = await lane.score([record(1)]);
  await expect(lane.score([record("poison")])).rejects.toMatchObject({ code: "bundle/lane" });
  await expect(lane.score([record(1)])).rejects.toMatchObject({ code: "bundle/lane" });
  await restarted;
  const [second] = await lane.score([record(1)]);
  expect(second).toBeGreaterThan(first!);
  await lane.dispose();
});
