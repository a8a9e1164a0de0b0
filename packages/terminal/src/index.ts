// Progress, interruption and tables of a program in a terminal.
export { listenForInterruption, type Interruption } from "./interruption.ts";
export { clearMeters, createMeter, type Meter } from "./meter.ts";
export { alignColumns, alignInWidth, duration } from "./text.ts";
export { withRemedy } from "./remedy.ts";
export { runMain } from "./run-main.ts";
