import { describe, expect, test } from "vitest";
import { world } from "../world.test-helper.ts";
import { encodeBinary } from "./datatypes.ts";
import { binaryBody, errorOf, postInfer, textInput } from "./oip-world.test-helper.ts";

const bytes = (...values: readonly string[]): Uint8Array => encodeBinary({ datatype: "BYTES", values });

describe("is refused", () => {
  const of = (inputs: readonly object[], more: object = {}): object => ({ inputs, ...more });
  const item = textInput("item", ["1"]);
  const binaryItem = (size: unknown, more: object = {}): object => ({
    name: "item",
    shape: [1, 1],
    datatype: "BYTES",
    parameters: { binary_data_size: size },
    ...more,
  });
  const mismatch = "input byte size mismatch for input 'item' for model 'tiny'";
  test.each<[string, object | string, string]>([
    ["no JSON", "nothing", "The body is not valid JSON."],
    ["an empty body", "", "The body is empty."],
    [
      "NaN in JSON",
      '{"inputs":[{"name":"item","shape":[1],"datatype":"BYTES","data":[NaN]}]}',
      "The body is not valid JSON.",
    ],
    ["a list", [], "The body: expected object"],
    ["null", "null", "The body: expected object"],
    ["no inputs", {}, '"inputs" is missing.'],
    ["inputs that are no list", { inputs: {} }, "inputs: expected array"],
    ["an input without a name", of([{ shape: [1], datatype: "BYTES" }]), '"inputs[0].name" is missing.'],
    [
      "no input",
      of([]),
      "expected inputs 'item' with or without 'user', or 'record' alone, for model 'tiny', got none.",
    ],
    ["a user alone", of([textInput("user", ["ann"])]), "expected inputs 'item'"],
    ["item and record", of([item, textInput("record", ["{}"])]), "expected inputs 'item'"],
    [
      "too many inputs",
      of([item, item, item, item]),
      "expected at most 3 inputs but got 4 inputs for model 'tiny'.",
    ],
    ["an input twice", of([item, item]), "input 'item' for model 'tiny' is given twice."],
    [
      "an unknown input",
      of([textInput("film", ["1"])]),
      "unexpected inference input 'film' for model 'tiny'. Known are user, item, record.",
    ],
    [
      "another type",
      of([{ ...item, datatype: "FP32" }]),
      "inference input 'item' data-type is 'FP32', but model 'tiny' expects 'BYTES'.",
    ],
    [
      "a type that there is not",
      of([{ ...item, datatype: "bytes" }]),
      "inference input 'item' data-type is 'bytes', but",
    ],
    ...[[], [1, 2], [1, 1, 1], [-1], [-1, 1], [1.5], ["1"], [1e300], null].map(
      (shape): [string, object, string] => [
        `shape ${JSON.stringify(shape)}`,
        of([textInput("item", ["1"], shape)]),
        "unexpected shape for input 'item' for model 'tiny'. Expected [-1,1], got ",
      ],
    ),
    [
      "a deep shape",
      `{"inputs":[{"name":"item","datatype":"BYTES","shape":${"[".repeat(1e5)}${"]".repeat(1e5)}}]}`,
      "The body is ambi",
    ],
    [
      "unequal batches",
      of([textInput("user", ["a"]), textInput("item", ["1", "2"])]),
      "input 'item' batch size does not match other inputs for 'tiny'.",
    ],
    [
      "a large batch",
      of([textInput("item", [], [1001, 1])]),
      "inference request batch-size must be <= 1000 for 'tiny'.",
    ],
    ["too few elements", of([textInput("item", ["1"], [2, 1])]), `${mismatch}: expecting 2 elements, got 1.`],
    [
      "too many elements",
      of([textInput("item", ["1", "2"], [1])]),
      `${mismatch}: expecting 1 elements, got 2.`,
    ],
    [
      "a number for a text",
      of([textInput("item", [1])]),
      "element 0 of input 'item' for model 'tiny' is no text.",
    ],
    [
      "no data",
      of([{ name: "item", shape: [1], datatype: "BYTES" }]),
      "data of input 'item' for model 'tiny' is no list.",
    ],
    [
      "data twice",
      of([binaryItem(0, { data: ["1"] })]),
      "input 'item' for model 'tiny' has both 'data' and 'binary_data_size'.",
    ],
    ["binary data that are not there", of([binaryItem(5)]), `${mismatch}. Expected 5, got 0.`],
    [
      "a negative size",
      of([binaryItem(-1)]),
      "inputs[0].parameters.binary_data_size: expected a whole number",
    ],
    [
      "a broken size",
      of([binaryItem(0.5)]),
      "inputs[0].parameters.binary_data_size: expected a whole number",
    ],
    [
      "an unknown output",
      of([item], { outputs: [{ name: "score" }] }),
      "unexpected inference output 'score' for model 'tiny'. Known are probability,",
    ],
    [
      "an output twice",
      of([item], { outputs: [{ name: "route" }, { name: "route" }] }),
      "inference output 'route' for model 'tiny' is asked for twice.",
    ],
    [
      "too many outputs",
      of([item], { outputs: Array.from({ length: 7 }, () => ({ name: "route" })) }),
      "expected at most 6 outputs but got 7",
    ],
    [
      "classes",
      of([item], { outputs: [{ name: "route", parameters: { classification: 2 } }] }),
      "'classification' of inference output 'route'",
    ],
    [
      "shared memory",
      of([{ ...item, parameters: { shared_memory_region: "a" } }]),
      "'shared_memory_region' of input 'item'",
    ],
    [
      "a flag that is none",
      of([item], { parameters: { binary_data_output: 1 } }),
      "parameters.binary_data_output: expected boolean",
    ],
    ["an id that is no text", of([item], { id: 5 }), "id: expected string"],
    [
      "a timeout that is none",
      of([item], { parameters: { timeout: "1s" } }),
      "parameters.timeout: expected number",
    ],
    [
      "a negative priority",
      of([item], { parameters: { priority: -1 } }),
      "parameters.priority: expected a whole number",
    ],
    ["another use of the LLM", of([item], { parameters: { llm: "maybe" } }), "parameters.llm: "],
    ["an empty item", of([textInput("item", ["1", ""])]), "[1].item: "],
    ["a record that is no JSON", of([textInput("record", ["{}}"])]), "record[0] is not valid JSON."],
    [
      "a record without an item",
      of([textInput("record", ['{"item":"1"}', "{}"])]),
      '"record[1].item" is missing.',
    ],
    [
      "a misspelt field of a record",
      of([textInput("record", ['{"itm":"1"}'])]),
      'There is no field "itm". (record[0].itm) Did you mean "item"?',
    ],
    [
      "a bad rating",
      of([textInput("record", ['{"item":"1","history":[{"item":"1","rating":"5"}]}'])]),
      "record[0].history[0].rating: expected number",
    ],
    [
      "unknown context",
      of([textInput("record", ['{"item":"1","context":{"a":1}}'])]),
      'There is no context "a". (record[0].context.a)',
    ],
  ])("%s", async (_, body, begins) => {
    const { app, toCrm, lines } = world();
    const response = await postInfer(app, body);
    const error = await errorOf(response);
    expect(error.slice(0, begins.length)).toBe(begins);
    expect(response.status).toBe(400);
    expect(toCrm).toEqual([]);
    expect(lines).toHaveLength(1);
  });

  test.each([
    [
      "bytes behind the last tensor",
      bytes("1"),
      Uint8Array.of(1),
      "input byte size mismatch: unexpected additional input data for model 'tiny', 1 bytes.",
    ],
    [
      "an element that is longer than its tensor",
      Uint8Array.of(9, 0, 0, 0, 65),
      undefined,
      `${mismatch}: expecting a text of 9 bytes, but only 1 bytes available.`,
    ],
    [
      "half a length",
      Uint8Array.of(1, 0),
      undefined,
      `${mismatch}: expecting 4 bytes of a length, but only 2 bytes available.`,
    ],
    [
      "a text that is not UTF-8",
      Uint8Array.of(1, 0, 0, 0, 0xff),
      undefined,
      "element 0 of input 'item' for model 'tiny' is not UTF-8.",
    ],
  ])("%s", async (_, blob, more, message) => {
    const [body, headers] = binaryBody(of([binaryItem(blob.length)]), blob, more ?? new Uint8Array());
    const response = await postInfer(world().app, body, { headers });
    expect([response.status, await errorOf(response)]).toEqual([400, message]);
  });
});
