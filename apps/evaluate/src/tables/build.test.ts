import type { FinishedRun } from "@corella/alignment";
import { expect, test } from "vitest";
import { servedOf } from "./build.ts";

test.each(["ctrl", "p5"])("of runs of %s alone its own row is what a bundle would give", (id) => {
  expect(servedOf([{ variant: { id } }] as FinishedRun[])).toBe(id);
});
