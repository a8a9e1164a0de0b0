import { spawnSync } from "node:child_process";

/** Something that is published does not do what it should; said without a stack. */
export class ReleaseFailure extends Error {}

/**
 * Runs a command to its end, as a consumer has it: without loaders or conditions, and without a download of CUDA files.
 * @returns what it printed to stdout
 * @throws ReleaseFailure with all that it printed, when it fails or takes longer than five minutes
 */
export function execute(folder: string, command: readonly string[]): string {
  const [program, ...rest] = command;
  const { status, stdout, stderr, error } = spawnSync(program!, rest, {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 26,
    timeout: 300_000,
    env: consumerEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error !== undefined || status !== 0) {
    const reason = error?.message ?? `exit ${status}`;
    throw new ReleaseFailure(`${command.join(" ")} failed (${reason})\n${stdout}${stderr}`);
  }
  return stdout;
}

/** The environment of a consumer's processes. */
export function consumerEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    NODE_OPTIONS: "",
    ONNXRUNTIME_NODE_INSTALL: "skip",
    npm_config_loglevel: "error",
  };
}

/** Prints how long a part took. */
export async function timed<Result>(what: string, part: () => Result | Promise<Result>): Promise<Result> {
  const started = performance.now();
  const result = await part();
  process.stdout.write(`- ${what} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
  return result;
}
