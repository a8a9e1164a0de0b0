import { readlinkSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/** How much nicer than the process a thread becomes that may wait. */
const niceness = 5;

/**
 * Lets the other threads of this process go first where they want the same core; what this thread starts later, such as threads of a runtime,
 * is as it is. Linux keeps a priority for each thread; elsewhere nothing happens.
 */
export function lowerThreadPriority(): void {
  if (process.platform !== "linux") return;
  try {
    const thread = Number(/\d+$/.exec(readlinkSync("/proc/thread-self"))![0]);
    setPriority(thread, Math.min(19, getPriority(thread) + niceness));
  } catch {
    // Without /proc, or where it is forbidden, the thread stays as it is.
  }
}
