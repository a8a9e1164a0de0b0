import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keptVariable, runUnits } from "./run-units.ts";
import type { Programs, Unit } from "./unit.ts";

/** The program of the tests' units, given to node as text: appends its process to a log, and ends as its steps say. */
async function unitProgram(words: readonly string[]): Promise<void> {
  const {
    appendFileSync,
    existsSync: exists,
    readFileSync: read,
    writeFileSync,
  } = process.getBuiltinModule("node:fs");
  const { setTimeout: delay } = process.getBuiltinModule("node:timers/promises");
  const [, log, ...steps] = words as [string, string, ...string[]];
  appendFileSync(log, `${process.pid}\n`);
  const attempts = read(log, "utf8").trim().split("\n").length;
  for (const step of steps) {
    const [what, value] = step.split("=") as [string, string];
    if (what === "die-until" && attempts < Number(value)) process.kill(process.pid, "SIGKILL");
    if (what === "again-until" && attempts < Number(value)) {
      process.exitCode = 75;
      return;
    }
    if (what === "sleep") await delay(Number(value));
    // Waits until the test allows the end.
    if (what === "gate") while (!exists(value)) await delay(20);
    if (what === "fail") {
      console.error(`error [test/wrong] ${value}`);
      process.exitCode = 1;
      return;
    }
  }
  writeFileSync(`${log}.done`, "result");
}

/** `test unit <log> <steps>` */
export const programs: Programs = {
  "test unit": [
    "--eval",
    `const keptVariable = "${keptVariable}"; (${runUnits.toString()})(process.argv.slice(1), ${unitProgram.toString()})`,
    "--",
  ],
};

/** Units of one test, each with a log of its own. */
export class Units {
  readonly folder: string = mkdtempSync(join(tmpdir(), "corella-units-"));

  unit(id: string, ...steps: string[]): Unit {
    return { id, command: ["test", "unit", join(this.folder, id), ...steps] };
  }

  /** The processes that tried a unit, the first one first. */
  attempts(id: string): number[] {
    const path = join(this.folder, id);
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(Number) : [];
  }

  isDone(id: string): boolean {
    return existsSync(join(this.folder, `${id}.done`));
  }
}
