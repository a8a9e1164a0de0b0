import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CorellaError } from "@corella/errors";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  float32Tensor,
  parseSafetensors,
  readSafetensors,
  serializeSafetensors,
  toFloat32,
  toInt32,
  toTypedArray,
  writeSafetensors,
  type Dtype,
  type TensorToWrite,
} from "./index.ts";
import { bytesPerElement, elementCount } from "./dtype.ts";

const goldens = join(import.meta.dirname, "goldens");
const sharedGoldens = join(import.meta.dirname, "../../../../shared/goldens");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Reads a file that Python wrote in both ways, and writes it again: the bytes must be the same. */
async function checkPythonFile(path: string): Promise<void> {
  const bytes = new Uint8Array(await readFile(path));
  const { tensors, metadata } = parseSafetensors(bytes, path);
  const file = await readSafetensors(path);
  try {
    expect(file.names).toEqual([...tensors.keys()]);
    expect(file.metadata).toEqual(metadata);
    for (const name of file.names) {
      const view = await file.read(name);
      expect(Buffer.compare(view.data, tensors.get(name)!.data)).toBe(0);
      expect(toFloat32(view)).toHaveLength(elementCount(view.shape));
    }
  } finally {
    await file.close();
  }
  const hasMetadata = Object.keys(metadata).length > 0;
  const written = serializeSafetensors(Object.fromEntries(tensors), hasMetadata ? metadata : undefined);
  expect(Buffer.compare(written, bytes), path).toBe(0);
}

test("the goldens that Python wrote are read, and written again byte for byte", async () => {
  await checkPythonFile(join(goldens, "deepfm.safetensors"));
  await checkPythonFile(join(goldens, "lora-qv.safetensors"));
});

test.skipIf(!existsSync(sharedGoldens))(
  "all shared goldens (skipped where ../shared/goldens is absent)",
  async () => {
    const paths = (await readdir(sharedGoldens, { recursive: true })).filter((path) =>
      path.endsWith(".safetensors"),
    );
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) await checkPythonFile(join(sharedGoldens, path));
  },
);

test("a golden's values are those that Python printed", async () => {
  // python3: load_file("deepfm.safetensors"); t["logit"][:3].tolist(), t["input.C1"][:4].tolist(), t["loss"]
  const file = await readSafetensors(join(goldens, "deepfm.safetensors"));
  const logit = await file.readFloat32("logit");
  expect([...logit.subarray(0, 3)]).toEqual([0.08622953, 1.0269608, -0.45756832].map(Math.fround));
  expect([...(await file.readInt32("input.C1")).subarray(0, 4)]).toEqual([0, 10, 4, 4]);
  expect(file.info("loss").shape).toEqual([]);
  expect((await file.readFloat32("loss"))[0]).toBe(Math.fround(0.92677605));
  await file.close();
});

const dtypeArbitrary = fc.constantFrom<Dtype[]>(
  "F64",
  "F32",
  "F16",
  "BF16",
  "I64",
  "I32",
  "I16",
  "I8",
  "U8",
  "BOOL",
);

const tensorArbitrary: fc.Arbitrary<TensorToWrite> = fc
  .record({ dtype: dtypeArbitrary, shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }) })
  .chain(({ dtype, shape }) => {
    const length = elementCount(shape) * bytesPerElement(dtype);
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => ({ dtype, shape, data: toTypedArray({ dtype, shape, data: bytes.slice() }) }));
  });

const nameArbitrary = fc
  .oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.constant("__proto__"))
  .filter((name) => name !== "__metadata__");

const tensorsArbitrary = fc.dictionary(nameArbitrary, tensorArbitrary, {
  maxKeys: 5,
  noNullPrototype: false,
});
const metadataArbitrary = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 });

test("what is written is read again, in memory and from a file", async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(tensorsArbitrary, metadataArbitrary, async (tensors, metadata) => {
      const path = join(folder, `round-trip-${run++}.safetensors`);
      await writeSafetensors(path, tensors, metadata);
      const bytes = new Uint8Array(await readFile(path));
      expect(Buffer.compare(serializeSafetensors(tensors, metadata), bytes)).toBe(0);
      const parsed = parseSafetensors(bytes);
      expect(Object.entries(parsed.metadata).sort()).toEqual(Object.entries(metadata).sort());
      expect([...parsed.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
      const file = await readSafetensors(path);
      for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
        const view = await file.read(name);
        expect({ dtype: view.dtype, shape: view.shape }).toEqual({ dtype, shape });
        const expected = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        expect(Buffer.compare(view.data, expected)).toBe(0);
        expect(Buffer.compare(parsed.tensors.get(name)!.data, expected)).toBe(0);
      }
      await file.close();
    }),
    { numRuns: 60 },
  );
});

test("the order of the tensors given does not matter, and rows are read alone", async () => {
  const a = float32Tensor([3, 2], Float32Array.of(1, 2, 3, 4, 5, 6));
  const b: TensorToWrite = { dtype: "I64", shape: [1], data: BigInt64Array.of(7n) };
  expect(serializeSafetensors({ a, b })).toEqual(serializeSafetensors({ b, a }));
  const path = join(folder, "rows.safetensors");
  await writeSafetensors(path, { a, b });
  const file = await readSafetensors(path);
  expect(file.names).toEqual(["b", "a"]);
  const rows = await file.readRows("a", 1, 3);
  expect(rows.shape).toEqual([2, 2]);
  expect([...toFloat32(rows)]).toEqual([3, 4, 5, 6]);
  await expect(file.readRows("a", 2, 4)).rejects.toMatchObject({ code: "safetensors/bad-rows" });
  await file.close();
  await expect(file.read("a")).rejects.toMatchObject({ code: "safetensors/unreadable" });
});

test("numbers are converted by value", () => {
  const tensors: Record<string, TensorToWrite> = {
    halves: { dtype: "F16", shape: [3], data: Float32Array.of(1.5, -2, 65_504) },
    brains: { dtype: "BF16", shape: [2], data: Float32Array.of(1.5, -256) },
    longs: { dtype: "I64", shape: [2], data: BigInt64Array.of(-5n, 2n ** 40n) },
    bytes: { dtype: "I8", shape: [2], data: Int8Array.of(-128, 127) },
    flags: { dtype: "BOOL", shape: [2], data: Uint8Array.of(0, 1) },
    doubles: { dtype: "F64", shape: [1], data: Float64Array.of(0.1) },
  };
  const parsed = parseSafetensors(serializeSafetensors(tensors)).tensors;
  const values = (name: string): number[] => [...toFloat32(parsed.get(name)!)];
  expect(values("halves")).toEqual([1.5, -2, 65_504]);
  expect(values("brains")).toEqual([1.5, -256]);
  expect(values("longs")).toEqual([-5, 2 ** 40]);
  expect(values("bytes")).toEqual([-128, 127]);
  expect(values("flags")).toEqual([0, 1]);
  expect(values("doubles")).toEqual([Math.fround(0.1)]);
  expect([...toInt32(parsed.get("bytes")!)]).toEqual([-128, 127]);
  expect(() => toInt32(parsed.get("longs")!)).toThrow(/beyond 32 bits/);
  expect(() => toInt32(parsed.get("halves")!)).toThrow(CorellaError);
});

/** A file with this header text and data. */
function handMade(header: string, dataBytes: number): Uint8Array {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return new Uint8Array(Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
}

const entry = (dtype: string, shape: string, begin: number, end: number): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

test.each([
  ["an empty file", new Uint8Array(0), "truncated"],
  ["a text file", new TextEncoder().encode("user,item,rating\n1,2,3\n"), "not-safetensors"],
  [
    "a Git LFS pointer",
    new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\n"),
    "not-safetensors",
  ],
  ["a header that is not JSON", handMade("{oops}", 0), "bad-header"],
  [
    "a header that is not UTF-8",
    handMade('{"é":1}', 0).map((byte) => (byte === 0xc3 ? 0xff : byte)),
    "bad-header",
  ],
  ["an entry that is no object", handMade('{"a":1}', 0), "bad-header"],
  ["a negative dimension", handMade(`{"a":${entry("F32", "[-1]", 0, 4)}}`, 4), "bad-header"],
  ["a fractional dimension", handMade(`{"a":${entry("F32", "[0.5]", 0, 2)}}`, 2), "bad-header"],
  [
    "an overflowing shape",
    handMade(`{"a":${entry("F32", "[4294967296,4294967296]", 0, 4)}}`, 4),
    "bad-header",
  ],
  ["a dtype nobody knows", handMade(`{"a":${entry("F8_E4M3", "[4]", 0, 4)}}`, 4), "unknown-dtype"],
  ["a dtype of Object.prototype", handMade(`{"a":${entry("toString", "[4]", 0, 4)}}`, 4), "unknown-dtype"],
  ["a range of the wrong size", handMade(`{"a":${entry("F32", "[2]", 0, 4)}}`, 4), "bad-offsets"],
  ["a gap", handMade(`{"a":${entry("U8", "[2]", 1, 3)}}`, 3), "bad-offsets"],
  [
    "an overlap",
    handMade(`{"a":${entry("U8", "[2]", 0, 2)},"b":${entry("U8", "[2]", 1, 3)}}`, 3),
    "bad-offsets",
  ],
  ["bytes of nobody", handMade(`{"a":${entry("U8", "[2]", 0, 2)}}`, 3), "bad-offsets"],
  ["missing bytes", handMade(`{"a":${entry("U8", "[2]", 0, 2)}}`, 1), "truncated"],
  [
    "a name twice",
    handMade(`{"a":${entry("U8", "[1]", 0, 1)},"\\u0061":${entry("U8", "[1]", 0, 1)}}`, 1),
    "duplicate-name",
  ],
  [
    "a dtype twice",
    handMade('{"a":{"dtype":"F32","dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1),
    "duplicate-name",
  ],
  ["metadata of numbers", handMade('{"__metadata__":{"a":1}}', 0), "bad-metadata"],
] as const)("%s is refused", async (name, bytes, code) => {
  const path = join(folder, `${name.replaceAll(/\W/g, "-")}.safetensors`);
  await writeFile(path, bytes);
  const expected = {
    code: `safetensors/${code}`,
    place: expect.stringContaining(path),
    remedy: expect.any(String),
  };
  await expect(readSafetensors(path)).rejects.toMatchObject(expected);
  expect(() => parseSafetensors(bytes)).toThrow(CorellaError);
});

test("missing files and tensors are named, with the nearest name", async () => {
  await expect(readSafetensors(join(folder, "absent"))).rejects.toMatchObject({
    code: "safetensors/unreadable",
  });
  await expect(readSafetensors(folder)).rejects.toMatchObject({ code: "safetensors/unreadable" });
  const file = await readSafetensors(join(goldens, "deepfm.safetensors"));
  expect(() => file.info("logits")).toThrow(
    expect.objectContaining({ code: "safetensors/unknown-tensor", remedy: 'Did you mean "logit"?' }),
  );
  await file.close();
});

test("a damaged file gives a CorellaError or tensors of the right size, and nothing else", () => {
  const bytes = serializeSafetensors(
    {
      a: float32Tensor([2, 3], new Float32Array(6)),
      b: { dtype: "U8", shape: [5], data: new Uint8Array(5) },
    },
    { format: "pt" },
  );
  const damage = fc.oneof(
    fc.nat(bytes.length - 1).map((length) => bytes.slice(0, length)),
    fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(7)), { minLength: 1, maxLength: 4 }).map((flips) => {
      const damaged = bytes.slice();
      for (const [position, bit] of flips) damaged[position]! ^= 1 << bit;
      return damaged;
    }),
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((json) => handMade(json, 3)),
  );
  fc.assert(
    fc.property(damage, (damaged) => {
      try {
        for (const { dtype, shape, data } of parseSafetensors(damaged).tensors.values()) {
          expect(data.length).toBe(elementCount(shape) * bytesPerElement(dtype));
        }
      } catch (error) {
        if (!CorellaError.isInstance(error)) throw error;
        expect(error.code).toMatch(/^safetensors\//);
        expect(error.place).toBeDefined();
        expect(error.remedy).toBeDefined();
      }
    }),
    { numRuns: 3000 },
  );
});

test.each([
  ["a length that differs from the shape", { dtype: "F32", shape: [2], data: new Float32Array(3) }],
  ["an array of another type", { dtype: "F32", shape: [2], data: new Float64Array(2) }],
  ["a shape that is no number", { dtype: "F32", shape: [Number.NaN], data: new Float32Array(2) }],
  ["a dtype that is not known", { dtype: "F8" as Dtype, shape: [2], data: new Float32Array(2) }],
] satisfies [string, TensorToWrite][])("%s is not written", async (_, tensor) => {
  const path = join(folder, "bad.safetensors");
  await expect(writeSafetensors(path, { tensor })).rejects.toMatchObject({ code: "safetensors/bad-tensor" });
  expect(existsSync(path)).toBe(false);
});
