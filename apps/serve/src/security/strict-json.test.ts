import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "../http/json-body.ts";
import { post, world } from "../world.test-helper.ts";
import { maxDepth, parseUnambiguous } from "./strict-json.ts";

const bytes = (text: string): ArrayBuffer => new TextEncoder().encode(text).buffer;

test("what has one meaning is what JSON.parse makes of it, whatever the white space", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 2, "\t"), (text, space) => {
      const spaced = JSON.stringify(JSON.parse(text), undefined, space);
      // As text: an object may have a name such as "__proto__".
      expect(JSON.stringify(parseJson(bytes(spaced)))).toBe(JSON.stringify(JSON.parse(spaced)));
    }),
  );
});

test("a name that stands twice is found wherever it is, also where one of the two is escaped", () => {
  const name = fc.string({ unit: "grapheme", maxLength: 8 });
  const escaped = (text: string): string =>
    `"${Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`).join("")}"`;
  const around = fc.constantFrom(
    (inner: string) => inner,
    (inner: string) => `[{"a":"}"},${inner}]`,
    (inner: string) => `{"x":{"y":[1,{"a":"\\\\"}]},"z":${inner}}`,
  );
  fc.assert(
    fc.property(name, name, around, (one, other, wrap) => {
      const object = `{${JSON.stringify(one)}:{},"_-":["a"],${escaped(other)}:"\\""}`;
      const expected = one === other || one === "_-" || other === "_-";
      expect("problem" in parseUnambiguous(wrap(object))).toBe(expected);
    }),
  );
  // The same name in two objects, and as a value, is none.
  const fine = '{"a":{"a":"a:{"},"b":[{"a":1},{"a":1},"a","a:"],"c":"\\\\"}';
  expect(parseUnambiguous(fine)).toEqual({ value: JSON.parse(fine) as unknown });
});

describe("a request", () => {
  test.each([
    ["a field twice", '{"item":"1","item":"2"}', 'The body is ambiguous: the name "item" stands twice.'],
    ["half of a surrogate pair", String.raw`{"item":"\ud83d"}`, "surrogate"],
    ["more nesting than any request has", `${"[".repeat(maxDepth + 1)}${"]".repeat(maxDepth + 1)}`, "deep"],
    ["nesting of a megabyte", "[".repeat(500_000) + "]".repeat(500_000), "deep"],
    ["nesting of a megabyte in a field", `{"item":${'{"a":'.repeat(150_000)}1${"}".repeat(150_001)}`, "deep"],
    // Found before the parser is asked, which would take a second.
    ["nesting that does not end", "[".repeat(1_000_000), "deep"],
    ["no escape", String.raw`{"a":"\x","a":1}`, "not valid JSON"],
    ["a string that does not end", '{"a', "not valid JSON"],
  ])("with %s is refused", async (_, body, message) => {
    const { app, toCrm } = world();
    const [status, { code, detail }] = await post(app, body);
    expect([status, code]).toEqual([400, "serve/bad-json"]);
    expect(detail).toContain(message);
    expect(toCrm).toEqual([]);
  });

  test("that names the prototype of all objects changes none", async () => {
    const { app, toCrm } = world();
    const evil = '{"polluted":"yes"}';
    for (const body of [
      `{"item":"1","__proto__":${evil}}`,
      `{"item":"1","constructor":{"prototype":${evil}}}`,
      '{"item":"1","itemAttributes":{"__proto__":["polluted"],"constructor":"x","toString":"y"}}',
      '{"user":"__proto__","item":"constructor","history":[{"item":"hasOwnProperty","rating":1}]}',
    ])
      expect([200, 400]).toContain((await post(app, body))[0]);
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(Object.prototype)).toBeNull();
    for (const { itemAttributes } of toCrm.flat())
      if (itemAttributes !== undefined) expect(Object.getPrototypeOf(itemAttributes)).toBe(Object.prototype);
    expect(toCrm.flat()).toHaveLength(2);
  });
});
