import type { Violation } from "../violation.ts";
import type { Workspace } from "../workspace.ts";
import { examplesOf } from "./examples.ts";
import { publicSymbols } from "./public-symbols.ts";

/** What a consumer can import says in a comment what it is, and every package shows by an example how it is called. */
export function checkPublic(
  workspace: Pick<Workspace, "members">,
  texts: ReadonlyMap<string, string>,
): readonly Violation[] {
  const symbols = publicSymbols(workspace, texts);
  // Of an overloaded function one signature has the comment.
  const documented = new Set(
    symbols.filter(({ comment }) => comment !== undefined).map(({ door, name }) => `${door} ${name}`),
  );
  const undocumented = symbols.filter(({ door, name }) => !documented.has(`${door} ${name}`));
  const shown = new Set(examplesOf(symbols).map(({ folder }) => folder));
  return [
    ...undocumented.map(({ door, name, file, line }) => ({
      file,
      line,
      rule: "undocumented",
      problem: `${name} of ${door} has no doc comment`,
      remedy: "say what it is for, with shapes, units and errors",
    })),
    ...workspace.members
      .filter(({ group, folder }) => group === "packages" && !shown.has(folder))
      .map(({ folder, name }) => ({
        file: `${folder}/src/index.ts`,
        line: 1,
        rule: "no-example",
        problem: `no function of ${name} has an @example`,
        remedy: "show how the most important one is called",
      })),
  ];
}
