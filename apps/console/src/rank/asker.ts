import type { Asker, HistoryEvent, KnownUser } from "../api.ts";

/** An event of a history that is edited. */
export interface EditedEvent extends HistoryEvent {
  readonly title?: string | undefined;
}

/** Who asks, as the page edits it. */
export interface Draft {
  /** undefined: somebody invented. */
  readonly known?: KnownUser;
  /** Oldest first. */
  readonly history: readonly EditedEvent[];
}

/** Nobody in particular, without a past. */
export const invented: Draft = { history: [] };

/** A known user with the history that the server knows. */
export function draftOf(known: KnownUser): Draft {
  return { known, history: known.history };
}

/** Whether the history differs from what the server would take. */
export function isEdited({ known, history }: Draft): boolean {
  return history !== (known?.history ?? invented.history);
}

/** The part of a request that says who asks. A history that is as the server knows it stays there. */
export function askerOf(draft: Draft): Asker {
  const { known, history } = draft;
  const events = history.map(({ item, rating, time }) => ({
    item,
    rating,
    ...(time === undefined ? {} : { time }),
  }));
  if (known === undefined) return { history: events };
  return isEdited(draft) ? { user: known.user, history: events } : { user: known.user };
}

/**
 * Adds an event at the end: after all others in time, where all of them tell theirs.
 * @param now seconds since 1970
 */
export function withEvent(draft: Draft, event: EditedEvent, now: number): Draft {
  const times = draft.history.map(({ time }) => time);
  const timed = times.every((time) => time !== undefined);
  const time = timed ? Math.max(Math.floor(now), ...times.map((each) => each + 1)) : undefined;
  return { ...draft, history: [...draft.history, time === undefined ? event : { ...event, time }] };
}

/** Takes an event away. */
export function withoutEvent(draft: Draft, index: number): Draft {
  return { ...draft, history: draft.history.filter((_, i) => i !== index) };
}

/** Gives an event another rating. */
export function withRating(draft: Draft, index: number, rating: number): Draft {
  return { ...draft, history: draft.history.map((event, i) => (i === index ? { ...event, rating } : event)) };
}

/** Lets an event and the next one trade places. Their times stay where they were, for a server puts events in the order of times. */
export function swapped(draft: Draft, index: number): Draft {
  const [first, second] = [draft.history[index], draft.history[index + 1]];
  if (first === undefined || second === undefined) return draft;
  const at = (event: EditedEvent, { time }: EditedEvent): EditedEvent => {
    const { time: _, ...untimed } = event;
    return time === undefined ? untimed : { ...untimed, time };
  };
  const history = [...draft.history];
  history.splice(index, 2, at(second, first), at(first, second));
  return { ...draft, history };
}
