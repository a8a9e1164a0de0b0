import { createGenerator } from "@corella/random";
import { expect, test } from "vitest";
import { maskBits } from "./dropout-masks.ts";

test("a dropout mask keeps the elements whose byte of the stream is below 256 keep", () => {
  for (let threshold = 0; threshold <= 256; threshold++) {
    const generator = createGenerator(7, "dropout/mask.3", threshold);
    const expected: number[] = [];
    while (expected.length < 1003) {
      const word = generator.bits();
      for (let byte = 0; byte < 4; byte++) expected.push(((word >>> (8 * byte)) & 255) < threshold ? 1 : 0);
    }
    const bits = maskBits({ name: "mask.3", keep: threshold / 256 }, 1003, 7, threshold);
    expect([...bits]).toEqual(expected.slice(0, 1003));
  }
});
