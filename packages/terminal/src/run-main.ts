import { CorellaError, formatError } from "@corella/errors";
import { withRemedy } from "./remedy.ts";

/**
 * Runs a command to its end. An error is told with what to do, on the error stream, and the process ends with exit code 1; with
 * 130, as a shell has it, where its code says that the user interrupted the command (`train/interrupted`).
 * @param remedies what to do, by the error's code
 */
export async function runMain(
  main: () => Promise<unknown>,
  remedies: Readonly<Record<string, string>> = {},
): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${formatError(withRemedy(error, remedies))}\n`);
    process.exitCode = CorellaError.isInstance(error) && error.code.endsWith("/interrupted") ? 130 : 1;
  }
}
