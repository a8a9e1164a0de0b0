import type { RungEnds, RungsReport, TrialKind } from "@corella/alignment";
import { metric } from "./text.ts";

/** The end of a rung in words: `2 epochs`. */
export function endText(end: number | null): string {
  return end === null ? "the whole training" : epochsText(end);
}

/** A number of epochs in words, with three digits. */
export function epochsText(epochs: number): string {
  const number = String(Number(epochs.toPrecision(3)));
  return `${number} ${number === "1" ? "epoch" : "epochs"}`;
}

/** How a search divides its work, in a line. */
export function rungsSentence(kind: TrialKind, ends: RungEnds, factor: number | undefined): string {
  if (kind === "run")
    return "A trial is a whole run of the recipe, scored on the validation part: one rung, none is stopped";
  if (ends.length === 1) return "Every trial is trained to its end";
  const words = ends.map(endText);
  return `Rungs end after ${words.slice(0, -1).join(", ")} and ${words.at(-1)}${factor === undefined ? "" : `; of ${factor} trials one goes on`}`;
}

/** A row for each rung: how many have reached its end, how many went on from there, and how many wait or have ended. */
export function rungsTable({ ends, rungs }: RungsReport): { columns: string[]; rows: string[][] } {
  return {
    columns: ["rung", "ends after", "trials", "promoted", "paused", "ended", "best AUC"],
    rows: rungs.map((entries, rung) => {
      const scores = entries.map(({ score }) => score).filter((score) => !Number.isNaN(score));
      const promoted = entries.filter((entry) => entry.promoted).length;
      const ended = entries.filter((entry) => entry.ended && !entry.promoted).length;
      return [
        String(rung + 1),
        endText(ends[rung]!),
        String(entries.length),
        String(promoted),
        String(entries.length - promoted - ended),
        String(ended),
        metric(scores.length === 0 ? undefined : Math.max(...scores)),
      ];
    }),
  };
}

/** The promotions of a search in the order of rungs: trials by their number, from 1. */
export function promotionsText({ rungs }: RungsReport): string {
  const lines = rungs.map((entries, rung) => {
    const promoted = entries.filter((entry) => entry.promoted).map(({ trial }) => `#${trial + 1}`);
    return `rung ${rung + 1} -> ${rung + 2}: ${promoted.join(" ") || "none"}`;
  });
  return lines.slice(0, -1).join("\n");
}
