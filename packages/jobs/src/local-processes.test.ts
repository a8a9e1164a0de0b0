import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { localProcesses } from "./index.ts";
import type { Engine } from "./unit.ts";
import { programs, Units } from "./units.test-helper.ts";

let units: Units;
let engine: Engine;
beforeEach(() => {
  units = new Units();
  engine = localProcesses({ slots: 2, programs, retryDelayMs: 1 });
});
afterEach(() => engine.close());

test("units run at most so many at once; one that died or asks for it is tried again", async () => {
  const gate = join(units.folder, "open");
  const held = [engine.run(units.unit("a", `gate=${gate}`)), engine.run(units.unit("b", `gate=${gate}`))];
  const third = engine.run(units.unit("c", "die-until=2", "again-until=3"));
  await vi.waitFor(() => expect([units.attempts("a"), units.attempts("b")].flat()).toHaveLength(2), 20_000);
  expect(units.attempts("c")).toEqual([]);
  writeFileSync(gate, "");
  await Promise.all([...held, third]);
  expect(units.attempts("c")).toHaveLength(3);
  expect(["a", "b", "c"].every((id) => units.isDone(id))).toBe(true);
});

test("a process runs one unit after the other, but none after one that failed", async () => {
  for (const steps of [["a"], ["b"], ["wrong", "fail=bad input"], ["c"], ["d"]])
    await engine.run(units.unit(...(steps as [string, ...string[]]))).catch(() => {});
  const [a, b, wrong, c, d] = ["a", "b", "wrong", "c", "d"].map((id) => units.attempts(id)[0]);
  expect([b, wrong, d]).toEqual([a, a, c]);
  expect(c).not.toBe(a);
  process.kill(d!, "SIGKILL");
  await engine.run(units.unit("e"));
  expect(units.isDone("e")).toBe(true);
});

test("a unit that says what is wrong fails at once, one that keeps dying after the last attempt, each with its log", async () => {
  const [wrong, dying] = await Promise.allSettled([
    engine.run(units.unit("wrong", "fail=bad input")),
    engine.run(units.unit("dying", "die-until=9")),
  ]);
  expect(wrong).toMatchObject({
    reason: {
      code: "jobs/unit-failed",
      message: expect.stringMatching(/wrong.*exit code 1[^]*test\/wrong\] bad input/),
    },
  });
  expect(units.attempts("wrong")).toHaveLength(1);
  expect(dying).toMatchObject({
    reason: { code: "jobs/unit-failed", message: expect.stringContaining("SIGKILL") },
  });
  expect(units.attempts("dying")).toHaveLength(3);
});

test("only listed programs run, and an interruption ends what runs and what waits", async () => {
  await expect(engine.run({ id: "x", command: ["test", "else", "y"] })).rejects.toMatchObject({
    code: "jobs/not-allowed",
    place: "unit x: test else",
  });
  const abort = new AbortController();
  const { signal } = abort;
  const all = ["a", "b", "c"].map((id) => engine.run(units.unit(id, "sleep=60000"), { signal }));
  await vi.waitFor(() => expect(units.attempts("b")).toHaveLength(1), 20_000);
  abort.abort();
  for (const { status, reason } of (await Promise.allSettled(all)) as PromiseRejectedResult[]) {
    expect(status).toBe("rejected");
    expect(reason).toMatchObject({ code: "jobs/interrupted" });
  }
  expect(units.attempts("c")).toEqual([]);
});
