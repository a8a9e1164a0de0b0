import { mkdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CorellaError, formatError, nearestName, plainError } from "./index.ts";

test("an error carries code, place and remedy, and prints them", () => {
  const error = new CorellaError({
    code: "a/b",
    message: "Bad.",
    place: "f.csv:3",
    remedy: "Mend it.",
  });
  expect(CorellaError.isInstance(error)).toBe(true);
  expect(CorellaError.isInstance(new Error("x"))).toBe(false);
  expect(formatError(error)).toBe("error [a/b] Bad.\n  at: f.csv:3\n  try: Mend it.");
});

test("an instance of another copy of the class is recognised", () => {
  const other = Object.assign(new Error("x"), { [Symbol.for("corella.error")]: true });
  expect(CorellaError.isInstance(other)).toBe(true);
});

test("the nearest name is found, and nothing far away", () => {
  expect(nearestName("learningrate", ["learningRate", "epochs"])).toBe("learningRate");
  expect(nearestName("epcohs", ["learningRate", "epochs"])).toBe("epochs");
  expect(nearestName("zzz", ["learningRate", "epochs"])).toBeUndefined();
  expect(nearestName("x".repeat(30_000_000), ["learningRate", "epochs"])).toBeUndefined();
});

test("an error survives the way to another thread as plain data", () => {
  const error = new CorellaError({
    code: "a/b",
    message: "Bad.",
    place: "f.csv:3",
    remedy: "Mend it.",
    cause: 1,
  });
  const plain = structuredClone(plainError(error, { code: "x/defect" }));
  expect(plain).toEqual({ code: "a/b", message: "Bad.", place: "f.csv:3", remedy: "Mend it." });
  expect(formatError(new CorellaError(plain))).toBe(formatError(error));
  const defect = new TypeError("no");
  expect(plainError(defect, { code: "x/defect" })).toEqual({ code: "x/defect", message: "no" });
  expect(plainError(defect, { code: "x/defect", stack: true }).message).toContain("index.test.ts");
  expect(plainError("text", { code: "x/defect" })).toEqual({ code: "x/defect", message: "text" });
});

test("what the system refuses is told without a stack, a defect with one", () => {
  const caught = (action: () => unknown): unknown => {
    try {
      return action();
    } catch (error) {
      return error;
    }
  };
  const inAFile = `${import.meta.filename}/folder`;
  expect(formatError(caught(() => mkdirSync(inAFile, { recursive: true })))).toMatch(
    /^error \[file\/system\] The system refuses: ENOTDIR: .*\n {2}at: .*\n {2}try: A part of the path is a file.*$/,
  );
  expect(formatError(caught(() => readFileSync(import.meta.dirname)))).toMatch(/EISDIR.*\n {2}try: /);
  const unmade = Object.assign(new Error("ENOENT: no such file or directory, mkdir 'x'"), {
    code: "ENOENT",
    syscall: "mkdir",
  });
  expect(formatError(unmade)).toMatch(/ENOENT.*\n {2}try: Check the path, its permissions and the disk\.$/);
  expect(formatError(caught(() => new URL("no")))).toContain("index.test.ts"); // has a code, but of no system call
});
