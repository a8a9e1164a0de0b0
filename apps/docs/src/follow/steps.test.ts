import { expect, test } from "vitest";
import { missingLine, stepsOf } from "./steps.ts";

test("a tutorial's files, commands and what they print are found", () => {
  const page = [
    "```yaml\n# own/a.yaml\nname: a\n```",
    "```yaml\nname: no file\n```",
    "```sh\none --x \\\n  2\ntwo\n```",
    "text",
    "```text\ndone\n```",
  ].join("\n\n");
  expect(stepsOf(page)).toEqual([
    { kind: "file", path: "own/a.yaml", content: "# own/a.yaml\nname: a\n", line: 1 },
    { kind: "command", command: "one --x 2", expected: undefined, line: 10 },
    { kind: "command", command: "two", expected: "done\n", line: 10 },
  ]);
});

test.each([
  ["CRM after stage 1  .7998 [.7902, .8090]  –", "x\nCRM after stage 1   .5 [.4, 1.0]   .31\ny", true],
  ["CRM after stage 1  .7998", "CRM after stage 2x  .5", false],
  ["LLM alone …", "CRM alone  .5", false],
  ["…at http://127.0.0.1:8080…", "Serving at http://127.0.0.1:41231 (12 ms to load)", true],
  ['{"probability":0.5,"route":…}', '{"probability":0.123,"route":"llm","entropy":0.1}', true],
  ['{"probability":0.5,"route":…}', '{"error":"no","route":"llm"}', false],
  ["a\n…\nb", "a\nc\nb", true],
  ["b\na", "a\nb", false],
  ["───", "────────", true],
  ["−0.2998, p = 0.002", "+0.1, p = 1", true],
])("%j beside %j: %s", (expected, printed, same) => {
  expect(missingLine(expected, printed) === undefined).toBe(same);
});
