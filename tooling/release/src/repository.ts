import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The address of the repository as its package.json says it, the one place where it is written by hand. */
export function repositoryOf(root: string): string {
  const { repository } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly repository: { readonly url: string };
  };
  return repository.url;
}
