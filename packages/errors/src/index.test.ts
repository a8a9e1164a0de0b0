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
