import { type Command, CommanderError, InvalidArgumentError } from "commander";
import { formatError } from "@corella/errors";

/**
 * Parses the command line and runs what it asks for. A bad argument exits with 2; what ends the run is written to stderr.
 * @param exitCode of a run that an error ends
 */
export async function runCommand(
  command: Command,
  exitCode: number,
  run: (argument: string) => Promise<void>,
): Promise<void> {
  try {
    command.parse();
    await run(command.args[0]!);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else {
      process.stderr.write(`${formatError(error)}\n`);
      process.exitCode = exitCode;
    }
  }
}

/** The value of an option that counts something. @throws InvalidArgumentError */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It is a positive integer.");
  return value;
}

/** Tells of progress, on stderr. */
export function report(progress: string): void {
  process.stderr.write(`${progress}\n`);
}
