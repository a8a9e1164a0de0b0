/** In the environment of a process that may be given further commands after its own. */
export const keptVariable = "CORELLA_UNITS";

/**
 * The main of a unit's program: runs the command that this process was started with and, where an engine started it, those that the
 * engine sends afterwards, so that what one has loaded may serve the next. One that throws or sets an exit code ends the process.
 * When the engine's process is gone, for example killed, this one ends at once: no attempt that nobody waits for goes on beside the next.
 * @param words the first command, without the program: `process.argv.slice(2)`
 */
export async function runUnits(
  words: readonly string[],
  run: (words: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const { channel } = process;
  if (channel === undefined || process.env[keptVariable] === undefined) {
    await run(words);
    return;
  }
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
  for (let asked = words; ;) {
    // A command that has failed ends the process: the channel must not hold it.
    channel.unref();
    await run(asked);
    if (process.exitCode !== undefined && process.exitCode !== 0) return;
    const next = new Promise<readonly string[]>((resolve) => process.once("message", resolve));
    channel.ref();
    process.send!("done");
    asked = await next;
  }
}
