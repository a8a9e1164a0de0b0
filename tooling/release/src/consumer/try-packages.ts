import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execute, timed } from "../execute.ts";
import { packAll, type Tarballs } from "../packages/pack.ts";
import { publishablePackages } from "../packages/publishable.ts";
import type { PlannedRelease } from "../dry-run/plan.ts";
import { provenanceStatement } from "../dry-run/provenance.ts";
import { copyExamples, exampleNames, runExample } from "./examples.ts";
import { compile, writeProject } from "./project.ts";
import { npmInstall, upgrade } from "./upgrade.ts";

/** The next release, as files. */
export interface TriedRelease {
  readonly release: PlannedRelease;
  readonly tarballs: Tarballs;
  /** The path of the unsigned statement. */
  readonly provenance: string;
}

/**
 * Does what consumers do, with tarballs in a project outside of the workspace: installs the present version of every package with npm, imports every entry
 * point, typechecks, runs each example and compares what it prints with its README; then upgrades to the next version.
 * @param root a repository that is built
 * @param folder is there and empty
 * @param next plans the next release and makes its tarballs from those of the present version, in the folders given
 * @throws ReleaseFailure
 */
export async function tryPackages(
  root: string,
  folder: string,
  next: (packed: Tarballs, folder: string) => Promise<Omit<TriedRelease, "provenance">>,
): Promise<TriedRelease> {
  const startedOn = new Date();
  const [project, present, following] = ["project", "present", "next"].map((name) => join(folder, name));
  for (const each of [project!, present!, following!]) mkdirSync(each);
  const packages = publishablePackages(root);
  const packed = await timed(`pack ${packages.length} packages`, () => packAll(root, packages, present!));
  const sources = copyExamples(root, project!, packed);
  writeProject(root, project!, packages, packed, sources);
  await timed("install the tarballs with npm", () => execute(project!, npmInstall));
  await timed("typecheck with nodenext and strict", () =>
    compile(project!, "tsconfig.json", "out/consumer.js"),
  );
  for (const file of ["entry-points", "consumer"])
    await timed(`run ${file} with plain node`, () => execute(project!, ["node", `out/${file}.js`]));
  for (const name of exampleNames(project!))
    await timed(`run the example ${name}`, () => runExample(project!, name));
  const { release, tarballs } = await next(packed, following!);
  const provenance = join(following!, "provenance.intoto.json");
  const statement = provenanceStatement(root, release, tarballs, startedOn);
  writeFileSync(provenance, `${JSON.stringify(statement, null, 2)}\n`);
  await timed(`upgrade to ${release.packages[0]!.version}, typecheck and run again`, () =>
    upgrade(root, project!, release, tarballs),
  );
  return { release, tarballs, provenance };
}
