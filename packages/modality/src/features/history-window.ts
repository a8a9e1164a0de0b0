import { CorellaError } from "@corella/errors";
import type { InteractionLog } from "../log.ts";

/** The histories that a model was trained on, as far as they are known. */
export interface NeedsHistory {
  /** The window of events before a sample that it looks at; default: the log's. */
  readonly historyLength?: number | undefined;
  /** Which events of a sample's own time are before it; undefined: not known. */
  readonly historyTies?: InteractionLog["history"]["ties"] | undefined;
}

/**
 * Refuses a log whose histories are others than those that a model was trained on. A longer window is none: the model looks at
 * the latest events of it.
 * @throws CorellaError `features/short-window`, `features/other-ties`
 */
export function requireHistory(
  { history: { maxLength, ties } }: Pick<InteractionLog, "history">,
  { historyLength = maxLength, historyTies = ties }: NeedsHistory,
): void {
  if (historyLength > maxLength) {
    throw new CorellaError({
      code: "features/short-window",
      message: `The model looks at ${historyLength} events before a sample, the log's window has ${maxLength}.`,
      place: "data.history.maxLength",
      remedy: `Load the log with history.maxLength ${historyLength}.`,
    });
  }
  if (historyTies !== ties) {
    throw new CorellaError({
      code: "features/other-ties",
      message: `The model was trained on histories with ties "${historyTies}", the log's are "${ties}".`,
      place: "data.history.ties",
      remedy: `Load the log with history.ties ${historyTies}.`,
    });
  }
}
