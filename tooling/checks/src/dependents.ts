import { memberOf, scope, type Workspace } from "./workspace.ts";

/** Names of the members that hold one of the files, and of all that depend on them, also for tests alone; sorted. */
export function dependentsOf(workspace: Workspace, files: readonly string[]): readonly string[] {
  const found = new Set(
    files.map((file) => memberOf(workspace, file)?.name).filter((name) => name !== undefined),
  );
  // A name that is added while the set is walked is walked too.
  for (const name of found) {
    for (const { name: other, manifest } of workspace.members) {
      const declared = {
        ...manifest.dependencies,
        ...manifest.devDependencies,
        ...manifest.peerDependencies,
      };
      if (scope + name in declared) found.add(other);
    }
  }
  return [...found].toSorted();
}
