/**
 * For the program of a unit: ends this process when the one that started it is gone, for example killed, so that no attempt that
 * nobody waits for goes on beside the next. Without effect where an engine did not start it.
 */
export function endWithParent(): void {
  if (process.channel === undefined) return;
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
  // The process ends when its work is done.
  process.channel.unref();
}
