import { readFileSync, writeFileSync } from "node:fs";

/** Memory of this process in MB, as Linux counts it (proc(5)). */
export interface ProcessMemory {
  readonly all: number;
  /** The most of `all` since the start, or since `restartPeak`. */
  readonly peak: number;
  /** What the process allocated. */
  readonly anonymous: number;
  /** Mapped files, which the system may drop and read again. */
  readonly mapped: number;
}

export function processMemory(): ProcessMemory {
  const status = readFileSync("/proc/self/status", "utf8");
  const megabytes = (key: string): number => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)![1]) / 1024;
  return {
    all: megabytes("VmRSS"),
    peak: megabytes("VmHWM"),
    anonymous: megabytes("RssAnon"),
    mapped: megabytes("RssFile"),
  };
}

/** Lets the system's own peak begin anew. */
export function restartPeak(): void {
  writeFileSync("/proc/self/clear_refs", "5");
}
