import { expect, test } from "vitest";
import { tf } from "../../program/tf.ts";
import { families } from "./table.ts";

const names = families.flatMap((family) => Object.keys(family));

test("no operation stands in two families", () => {
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
});

test("every name is that of a tfjs kernel", () => {
  const known = new Set(tf.getKernelsForBackend("cpu").map(({ kernelName }) => kernelName));
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});
