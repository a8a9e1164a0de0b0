import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { trainingTests } from "./training-tests.ts";
import { readWorkspace } from "./workspace.ts";

test("every name is one file of its package", () => {
  const { files, members } = readWorkspace(join(import.meta.dirname, "../../.."));
  for (const [name, tests] of Object.entries(trainingTests)) {
    const folder = members.find((member) => member.name === name)?.folder;
    const names = files.filter((file) => file.startsWith(`${folder}/`)).map((file) => basename(file));
    for (const file of tests)
      expect(
        names.filter((other) => other === file),
        `${name}: ${file}`,
      ).toEqual([file]);
  }
});
