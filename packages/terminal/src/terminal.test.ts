import { PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import { CorellaError } from "@corella/errors";
import {
  alignColumns,
  alignInWidth,
  createMeter,
  duration,
  listenForInterruption,
  runMain,
  withRemedy,
} from "./index.ts";

function stream(isTTY: boolean): { stream: NodeJS.WriteStream; written(): string } {
  const through = new PassThrough();
  let text = "";
  through.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { stream: Object.assign(through, { isTTY }) as unknown as NodeJS.WriteStream, written: () => text };
}

/** What clears the whole line of a terminal. */
const clearsLine = `${String.fromCharCode(27)}[2K`;

test("without a terminal a meter writes a line when it is time, and no sooner", () => {
  const { stream: out, written } = stream(false);
  const patient = createMeter(out);
  patient.start(10);
  patient.show(1, 10, () => "early");
  expect(written()).toBe("");
  const eager = createMeter(out, { lineEveryMs: -1 });
  eager.start(10);
  eager.show(2, 10, () => "fast");
  createMeter(out, { lineEveryMs: -1, counts: false }).show(3, 10, () => "alone");
  expect(written()).toBe("  2/10  fast\n  alone\n");
});

test("in a terminal a meter draws, is taken away, and draws again", () => {
  const { stream: out, written } = stream(true);
  const meter = createMeter(Object.assign(out, { cursorTo() {}, clearLine() {}, moveCursor() {} }));
  meter.show(1, 4, () => "first");
  expect(written()).toContain("1/4");
  meter.stop();
  meter.stop();
  const before = written().length;
  meter.start(4, 2);
  expect(written().slice(before)).toContain("2/4");
  meter.stop();
});

test("the first signal aborts and says so on a line of its own; the second ends the process", () => {
  const { stream: out, written } = stream(true);
  const meter = createMeter(Object.assign(out, { cursorTo() {}, clearLine() {}, moveCursor() {} }));
  const kill = vi.spyOn(process, "kill").mockReturnValue(true);
  const before = process.listenerCount("SIGTERM");
  const interruption = listenForInterruption(out);
  meter.show(1, 4, () => "working");
  const shown = written().length;
  process.emit("SIGTERM", "SIGTERM");
  expect(interruption.signal.aborted).toBe(true);
  // The bar is gone when the line is written, and comes again with the next step.
  const said = written().slice(shown);
  expect(said).toContain(clearsLine);
  expect(said.indexOf(clearsLine)).toBeLessThan(said.indexOf("Interrupting"));
  expect(said).toMatch(/again to stop at once\.\n$/);
  meter.show(2, 4, () => "ending");
  expect(written()).toContain("2/4");
  expect(kill).not.toHaveBeenCalled();
  process.emit("SIGTERM", "SIGTERM");
  expect(kill).toHaveBeenCalledWith(process.pid, "SIGTERM");
  expect(process.listenerCount("SIGTERM")).toBe(before);
  kill.mockRestore();
});

test("the echo of Ctrl-C is taken off a terminal's line, and no control characters go into a file", () => {
  const said = (isTTY: boolean): string => {
    const { stream: out, written } = stream(isTTY);
    const interruption = listenForInterruption(out);
    process.emit("SIGINT", "SIGINT");
    interruption.stop();
    return written();
  };
  expect(said(true)).toBe(`\r${clearsLine}Interrupting after this step; again to stop at once.\n`);
  expect(said(false)).toBe("Interrupting after this step; again to stop at once.\n");
});

test("an error of a command is told with its remedy; an interruption ends with 130", async () => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const failing = (code: string) => () => Promise.reject(new CorellaError({ code, message: "It stopped." }));
  const exitCodes: unknown[] = [];
  for (const code of ["train/interrupted", "train/diverged"]) {
    await runMain(failing(code), { [code]: `Mend ${code}.` });
    exitCodes.push(process.exitCode);
  }
  const told = write.mock.calls.map(([text]) => String(text)).join("");
  write.mockRestore();
  process.exitCode = undefined;
  expect(exitCodes).toEqual([130, 1]);
  expect(told).toMatch(/error \[train\/interrupted\][\s\S]*Mend train\/interrupted\./);
});

test("columns stand in line, with or without names; durations are minutes and seconds", () => {
  const rows = [
    ["a", "1"],
    ["long", ""],
  ];
  expect(alignColumns({ columns: [], rows })).toBe("a     1\nlong");
  expect(alignColumns({ columns: ["", "n"], rows })).toBe("      n\na     1\nlong");
  expect([duration(75_000), duration(3_600_400)]).toEqual(["1:15", "60:00"]);
});

test("a table that is too wide goes on below, each part with its first column; no cell is cut", () => {
  const table = {
    columns: ["model", "AUC", "logloss", "against"],
    rows: [["CRM", ".7998", ".5433", "a very long text"]],
  };
  expect(alignInWidth(table, 100)).toBe(alignColumns(table));
  expect(alignInWidth(table, 21)).toBe(
    "model  AUC    logloss\nCRM    .7998  .5433\n\nmodel  against\nCRM    a very long text",
  );
  expect(alignInWidth({ columns: ["one"], rows: [["1"]] }, 2)).toBe("one\n1");
});

test("a command adds what to do to the errors it knows, and leaves others as they are", () => {
  const missing = new CorellaError({
    code: "bundle/none",
    message: "None.",
    place: "runs",
    remedy: "Make one.",
  });
  const told = withRemedy(missing, { "bundle/none": "Call the command." });
  expect(told).toMatchObject({
    code: "bundle/none",
    message: "None.",
    place: "runs",
    remedy: "Call the command.",
    cause: missing,
  });
  expect(withRemedy(missing, { "bundle/missing": "Call the command." })).toBe(missing);
  const defect = new TypeError("x is undefined");
  expect(withRemedy(defect, { "bundle/none": "Call the command." })).toBe(defect);
});
