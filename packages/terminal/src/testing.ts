// For tests of commands.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

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

/** Calls a command as a user does, from its sources, and waits for its end. @param app folder under `apps/` */
export function command(app: string, ...options: string[]): CommandResult {
  const root = workspaceRoot();
  return spawnSync(process.execPath, [...mainOf(root, app), ...options], { cwd: root, encoding: "utf8" });
}

/** Starts a command that a test watches, and perhaps ends. @param app folder under `apps/` */
export function startCommand(app: string, ...options: string[]): ChildProcess {
  const root = workspaceRoot();
  return spawn(process.execPath, [...mainOf(root, app), ...options], { cwd: root });
}

function mainOf(root: string, app: string): string[] {
  return ["--conditions=source", "--import", "tsx", join(root, "apps", app, "src/main.ts")];
}
