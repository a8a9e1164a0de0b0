// For tests of commands.
import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";

/** What a command wrote, and its exit code. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The root of the workspace, where commands are called. */
export function workspaceRoot(): string {
  let folder = process.cwd();
  while (!existsSync(join(folder, "pnpm-workspace.yaml"))) {
    if (dirname(folder) === folder) throw new Error(`There is no workspace around ${process.cwd()}.`);
    folder = dirname(folder);
  }
  return folder;
}

/** Calls a command as a user does, and waits for its end. @param app folder under `apps/` */
export function command(app: string, ...options: string[]): CommandResult {
  const cwd = workspaceRoot();
  return spawnSync(process.execPath, [...commandArguments(app), ...options], { cwd, encoding: "utf8" });
}

/** Starts a command that a test watches, and perhaps ends. @param app folder under `apps/` */
export function startCommand(
  app: string,
  ...options: string[]
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [...commandArguments(app), ...options], {
    cwd: workspaceRoot(),
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/**
 * Node's arguments that start a command: of its bundle in the folder that `CORELLA_BUNDLED_COMMANDS` names, where a run of tests has made
 * them, and of its sources elsewhere.
 * @param app folder under `apps/`
 */
export function commandArguments(app: string): string[] {
  const bundles = process.env["CORELLA_BUNDLED_COMMANDS"];
  return bundles === undefined
    ? ["--conditions=source", "--import", "tsx", join(workspaceRoot(), "apps", app, "src/main.ts")]
    : [join(bundles, `${app}.js`)];
}
