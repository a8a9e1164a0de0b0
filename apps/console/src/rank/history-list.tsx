import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { swapped, withoutEvent, withRating, type Draft } from "./asker.ts";

interface HistoryListProps {
  /** The lowest and highest rating; undefined: any number. */
  readonly ratings: readonly [lowest: number, highest: number] | undefined;
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}

/** The events of a history, with what changes them. */
export function HistoryList({ ratings, draft, onChange }: HistoryListProps): JSX.Element {
  const list = useRef<HTMLOListElement>(null);
  const { history } = draft;
  const remove = (index: number): void => {
    onChange(withoutEvent(draft, index));
    // The focus would be lost with its button.
    list.current?.focus();
  };
  return (
    // What scrolls must be reached by keys.
    <ol class="history" ref={list} tabIndex={0} aria-label="history">
      {history.map(({ item, title, rating }, i) => {
        const name = title ?? item;
        return (
          <li key={`${i} ${item}`}>
            <span class="name">{name}</span>
            <input
              type="number"
              aria-label={`rating of ${name}`}
              value={rating}
              min={ratings?.[0]}
              max={ratings?.[1]}
              step="any"
              onChange={(event) => {
                const { valueAsNumber, validity } = event.currentTarget;
                if (validity.valid && !Number.isNaN(valueAsNumber))
                  onChange(withRating(draft, i, valueAsNumber));
                else event.currentTarget.reportValidity();
              }}
            />
            <button
              type="button"
              class="icon"
              aria-label={`${name} earlier`}
              disabled={i === 0}
              onClick={() => onChange(swapped(draft, i - 1))}
            >
              ↑
            </button>
            <button
              type="button"
              class="icon"
              aria-label={`${name} later`}
              disabled={i === history.length - 1}
              onClick={() => onChange(swapped(draft, i))}
            >
              ↓
            </button>
            <button type="button" class="icon" aria-label={`remove ${name}`} onClick={() => remove(i)}>
              ×
            </button>
          </li>
        );
      })}
    </ol>
  );
}
