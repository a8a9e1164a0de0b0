import type { DryRun } from "@corella/alignment";
import { alignColumns, duration } from "@corella/terminal";

/** What `--dry-run` prints: a line for each part of the training, and all together. */
export function dryRunTable({ parts, totalMs, peakBytes }: DryRun): string {
  const rows = parts.map((part) => [
    part.title,
    part.steps === 0 ? "" : part.steps.toLocaleString("en"),
    part.steps === 0 ? "" : stepTime(part.stepMs),
    span(part.totalMs),
    memory(part.peakBytes),
  ]);
  return [
    alignColumns({
      columns: ["part", "steps or rows", "each", "takes", "memory so far"],
      rows: [...rows, ["All together, at most", "", "", span(totalMs), memory(peakBytes)]],
    }),
    "",
    "Measured with a few steps of each part on this machine as busy as it is; a stage whose validations no longer improve ends earlier.",
  ].join("\n");
}

/** `13:15 min`, `4 h 43 min`: a run of hours must not be read as one of minutes. */
function span(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 60 ? `${duration(ms)} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function stepTime(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function memory(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
