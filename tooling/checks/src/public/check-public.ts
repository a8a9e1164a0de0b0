import type { Violation } from "../violation.ts";
import type { Workspace } from "../workspace.ts";
import { publicSymbols } from "./public-symbols.ts";

/** What a consumer can import says in a doc comment what it is. */
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
  return undocumented.map(({ door, name, file, line }) => ({
    file,
    line,
    rule: "undocumented",
    problem: `${name} of ${door} has no doc comment`,
    remedy: "say what it is for, with shapes, units and errors",
  }));
}
