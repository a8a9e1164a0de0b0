import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBytes, decodeJsonBytes, encodeBinary, encodeJson } from "./datatypes.ts";
import { elements } from "./message.test-helper.ts";

const float32 = fc.float({ noDefaultInfinity: true, noNaN: true });
const text = fc.string({ unit: "grapheme" });
const mismatch = expect.objectContaining({ code: "oip/bad-tensor" }) as unknown;

describe("elements come back from binary data", () => {
  test("BOOL", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), (values) => {
        const bytes = encodeBinary({ datatype: "BOOL", values });
        expect(bytes).toHaveLength(values.length);
        expect(elements(Buffer.from(bytes), "BOOL")).toEqual(values);
      }),
    );
  });

  test("FP32, with NaN", () => {
    fc.assert(
      fc.property(fc.array(fc.option(float32)), (values) => {
        const bytes = encodeBinary({ datatype: "FP32", values: values.map((value) => value ?? Number.NaN) });
        expect(bytes).toHaveLength(4 * values.length);
        expect(elements(Buffer.from(bytes), "FP32")).toEqual(values);
      }),
    );
  });

  test("BYTES", () => {
    fc.assert(
      fc.property(fc.array(text), (values) => {
        const bytes = encodeBinary({ datatype: "BYTES", values });
        expect(elements(Buffer.from(bytes), "BYTES")).toEqual(values);
        expect(decodeBytes(bytes, values.length, "input")).toEqual(values);
      }),
    );
  });

  test("BYTES as the specification says, with a byte order mark and an element without a byte", () => {
    const bytes = Uint8Array.of(2, 0, 0, 0, 0x68, 0x69, 0, 0, 0, 0, 3, 0, 0, 0, 0xef, 0xbb, 0xbf);
    expect(encodeBinary({ datatype: "BYTES", values: ["hi", "", "\uFEFF"] })).toEqual(bytes);
    expect(decodeBytes(bytes, 3, "input")).toEqual(["hi", "", "\uFEFF"]);
  });
});

describe("elements come back from JSON", () => {
  test("FP32, NaN and infinities as null", () => {
    fc.assert(
      fc.property(fc.array(fc.float()), (values) => {
        const read = JSON.parse(JSON.stringify(encodeJson({ datatype: "FP32", values }))) as unknown[];
        expect(read).toEqual(values.map((value) => (Number.isFinite(value) ? value + 0 : null)));
      }),
    );
  });

  test("BYTES, flat and nested, and BOOL", () => {
    fc.assert(
      fc.property(fc.array(text), fc.array(fc.boolean()), (texts, bools) => {
        const shape = [texts.length, 1];
        const data = JSON.parse(JSON.stringify(encodeJson({ datatype: "BYTES", values: texts }))) as string[];
        expect(decodeJsonBytes(data, shape, "input")).toEqual(texts);
        expect(decodeJsonBytes(data, [texts.length], "input")).toEqual(texts);
        const nested = data.map((one) => [one]);
        expect(decodeJsonBytes(nested, shape, "input")).toEqual(texts);
        expect(encodeJson({ datatype: "BOOL", values: bools })).toEqual(bools);
      }),
    );
  });
});

describe("what is no tensor is refused", () => {
  test("BYTES cut anywhere, with something behind, or of another count", () => {
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1 }),
        fc.nat(),
        fc.uint8Array({ minLength: 1 }),
        (values, at, more) => {
          const bytes = encodeBinary({ datatype: "BYTES", values });
          const { length } = values;
          expect(() => decodeBytes(bytes.subarray(0, at % bytes.length), length, "input")).toThrow(
            mismatch as Error,
          );
          expect(() => decodeBytes(Uint8Array.of(...bytes, ...more), length, "input")).toThrow(
            mismatch as Error,
          );
          for (const count of [length - 1, length + 1])
            expect(() => decodeBytes(bytes, count, "input")).toThrow(mismatch as Error);
        },
      ),
    );
  });

  test("any bytes give texts or an error of the sender", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(5), (bytes, count) => {
        try {
          expect(decodeBytes(bytes, count, "input")).toHaveLength(count);
        } catch (error) {
          expect(error).toEqual(mismatch);
        }
      }),
    );
  });

  test.each([
    [undefined, [1]],
    ["a", [1]],
    [{ length: 1 }, [1]],
    [
      ["a", "b"],
      [1, 1],
    ],
    [[["a"]], [1]],
    [[["a", ["b"]]], [2, 1]],
    [[1], [1]],
    [[null], [1]],
  ])("data %j of shape %j", (data, shape) => {
    expect(() => decodeJsonBytes(data, shape, "input")).toThrow(mismatch as Error);
  });
});
