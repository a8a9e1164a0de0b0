import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readInstructions } from "./instructions-file.ts";

const words = { yes: ["Yes", " Yes"], no: "No" };
const record = { instruction: "Will they like it?", input: "Liked: A", output: "Yes." };

function fileOf(content: unknown): string {
  const path = join(mkdtempSync(join(tmpdir(), "corella-instructions-")), "test.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

test("records are prompts in their wrapper, and answers are labels with and without a full stop", async () => {
  const path = fileOf([
    record,
    { ...record, input: "", output: " No\n" },
    { ...record, output: "Yes", more: 1 },
  ]);
  const { prompts, labels } = await readInstructions(path, words);
  expect([...labels]).toEqual([1, 0, 1]);
  expect(prompts[0]).toMatch(
    /### Instruction:\nWill they like it\?\n\n### Input:\nLiked: A\n\n### Response:\n$/,
  );
  expect(prompts[1]).not.toContain("### Input");
});

test("words of the bundle that end in a full stop are answers with and without it too", async () => {
  const path = fileOf([record, { ...record, output: "Yes" }, { ...record, output: "No." }]);
  const { labels } = await readInstructions(path, { yes: "Yes.", no: "No." });
  expect([...labels]).toEqual([1, 1, 0]);
});

test.each([
  ["no JSON", "[{", "The file is no JSON", ""],
  ["objects line by line", `${JSON.stringify(record)}\n${JSON.stringify(record)}`, "The file is no JSON", ""],
  ["an object", record, "holds an object in place of a list", ""],
  ["an empty file", "", "The file is no JSON", ""],
  ["an empty list", [], "The list is empty", ""],
  ["a text among the records", [record, "Yes"], "a string in place of an object", ", record 2"],
  ["a list among the records", [[record]], "a list in place of an object", ", record 1"],
  ["a missing key", [record, record, { ...record, input: undefined }], "has no input", ", record 3"],
  ["a number as output", [{ ...record, output: 1 }], "has a number as its output", ", record 1"],
  ["null as instruction", [{ ...record, instruction: null }], "has null as its instruction", ", record 1"],
  ["an empty instruction", [{ ...record, instruction: " " }], "instruction is empty", ", record 1"],
  ["an unknown answer", [record, { ...record, output: "Maybe." }], '"Maybe.", is neither', ", record 2"],
  ["an answer of another case", [{ ...record, output: "yes" }], '"yes", is neither', ", record 1"],
])("%s is one error with its place and a remedy", async (_, content, told, where) => {
  const path = fileOf(content);
  await expect(readInstructions(path, words)).rejects.toMatchObject({
    code: "evaluate/instructions",
    message: expect.stringContaining(told),
    place: `${path}${where}`,
    remedy: expect.stringMatching(/^(Give|Write|Say)/),
  });
});

test("a file that is not there is one error too", async () => {
  await expect(readInstructions("/nowhere/test.json", words)).rejects.toMatchObject({
    code: "evaluate/instructions",
    place: "/nowhere/test.json",
    remedy: "Correct the path.",
  });
});
