import { expect, test } from "vitest";
import { operatorTimes } from "./ort-profile.ts";

test("operators of the last runs, the longest first", () => {
  const node = (operator: string, ts: number, dur: number) => ({
    cat: "Node",
    name: `${operator}_kernel_time`,
    ts,
    dur,
    args: { op_name: operator },
  });
  const run = (ts: number) => ({ cat: "Session", name: "model_run", ts, dur: 9 });
  const events = [
    run(0),
    node("Gemm", 1, 9000),
    run(100),
    node("Add", 101, 1000),
    node("Gemm", 102, 3000),
    run(200),
    node("Add", 201, 1000),
    node("Gemm", 202, 3000),
    { cat: "Node", name: "fence", ts: 203, dur: 5000 },
  ];
  expect(operatorTimes(events, 2)).toEqual([
    { operator: "Gemm", ms: 3, share: 0.75, nodes: 1 },
    { operator: "Add", ms: 1, share: 0.25, nodes: 1 },
  ]);
});
