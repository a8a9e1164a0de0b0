import { CorellaError } from "@corella/errors";
import { historyLength, type InteractionLog, type Prompt, type PromptConfig } from "@corella/modality";
import type { PreparedData } from "../data.ts";
import { renderWith } from "./asking.ts";

/** Rows of one user that one pass over the user's history asks about, each in the light of the events before it. */
export interface DenseWindow {
  /** The history that is told begins with this event of the user, counted from 0: a multiple of the prompt's hop. */
  readonly start: number;
  /** Rows of the log, oldest first. */
  readonly rows: Uint32Array;
}

/**
 * Windows of histories for dense supervision: a history is a list of questions with their answers, so a pass over it asks
 * each of its events. A window tells no more than `historyLength` events, and each row is in one window.
 * @param rows of the log, any order
 */
export function denseWindows(
  log: InteractionLog,
  rows: Uint32Array,
  { historyLength: longest, historyHop }: Pick<PromptConfig, "historyLength" | "historyHop">,
): DenseWindow[] {
  const wanted = new Uint8Array(log.size);
  for (const row of rows) wanted[row] = 1;
  const step = Math.max(historyHop, longest - (longest % historyHop));
  const windows: DenseWindow[] = [];
  for (let user = 0; user < log.users.ids.length; user++) {
    const own = log.userRows.subarray(log.userOffsets[user]!, log.userOffsets[user + 1]!);
    const byWindow = new Map<number, number[]>();
    for (const row of own) {
      if (wanted[row] === 0) continue;
      // The first window asks about the first event too, of which nothing was before.
      const window = Math.floor(Math.max(0, historyLength(log, row) - 1) / step);
      byWindow.set(window, [...(byWindow.get(window) ?? []), row]);
    }
    for (const [window, inside] of byWindow)
      windows.push({ start: window * step, rows: Uint32Array.from(inside) });
  }
  return windows;
}

/** The prompts of a window's rows. Each begins with those before it, where the template asks events as it tells them. */
export function renderWindow(
  data: Pick<PreparedData, "log" | "catalogue">,
  prompt: Prompt,
  { start, rows }: DenseWindow,
): string[] {
  return renderWith(data, prompt, rows, (row) => historyLength(data.log, row) - start);
}

/**
 * Refuses a prompt that does not go on from the one before it: nothing would be asked on the way.
 * @throws CorellaError `config/dense-prompt`
 */
export function requireDensePrompt(data: PreparedData, prompt: Prompt): void {
  const { log, split } = data;
  const { historyLength: longest } = prompt.config;
  for (const row of split.train) {
    // A later event of the user's, with the first one's question in its history.
    const place = log.historyEnd[row]!;
    const later = log.userRows[place + 1];
    if (later === undefined || log.user[later] !== log.user[row]) continue;
    const [before, after] = [historyLength(log, row), historyLength(log, later)];
    if (after !== before + 1 || after > longest) continue;
    const [first, second] = renderWith(data, prompt, [row, later], (each) => historyLength(log, each));
    if (second!.startsWith(first!.trimEnd())) return;
    throw new CorellaError({
      code: "config/dense-prompt",
      message: `The prompt of an event does not go on from the one before it: ${JSON.stringify(first!.slice(-60))} is not how ${JSON.stringify(second!.slice(0, first!.length).slice(-60))} begins.`,
      place: "prompt.template",
      remedy:
        'Let the template end with {{user_history}}{{target_item}}: and historyItem be the target, ": Yes" or ": No" and what follows, with separator and emptyHistory "" (docs/configuration.md).',
    });
  }
}
