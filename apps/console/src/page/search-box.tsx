import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { settled } from "../hooks.ts";
import { Problem } from "./problem.tsx";

/** Something that can be chosen. */
export interface Option {
  /** Tells it from the others. */
  readonly key: string;
  readonly label: string;
  readonly detail?: string;
}

interface SearchBoxProps {
  readonly label: string;
  readonly placeholder: string;
  /** What is offered for a text; for none, some of all. */
  readonly search: (query: string) => Promise<readonly Option[]>;
  readonly onChoose: (option: Option) => void;
}

/** Wait after a key press, for the next one. */
const pauseMs = 150;

/**
 * A text field that offers what it finds: arrows and Enter choose, Escape closes.
 * Source: the combobox pattern of the ARIA Authoring Practices.
 */
export function SearchBox({ label, placeholder, search, onChoose }: SearchBoxProps): JSX.Element {
  const id = useId();
  const [query, setQuery] = useState("");
  const [open, setOpen] = useState(false);
  const [options, setOptions] = useState<readonly Option[]>();
  const [active, setActive] = useState(-1);
  const [error, setError] = useState<Error>();
  const list = useRef<HTMLUListElement>(null);

  useEffect(() => {
    if (!open) return undefined;
    let wanted = true;
    const find = async (): Promise<void> => {
      const { value: found, error: cause } = await settled(search(query));
      if (!wanted) return;
      setError(cause);
      if (found === undefined) return;
      setOptions(found);
      setActive(query === "" ? -1 : 0);
    };
    const timer = window.setTimeout(find, query === "" ? 0 : pauseMs);
    return () => {
      wanted = false;
      window.clearTimeout(timer);
    };
  }, [query, open, search]);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);

  const close = (): void => {
    setOpen(false);
    setOptions(undefined);
    setActive(-1);
  };
  const choose = (option: Option): void => {
    onChoose(option);
    setQuery("");
    close();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const count = options?.length ?? 0;
    if (event.key === "Escape") {
      close();
    } else if (event.key === "Enter") {
      const option = options?.[active];
      if (!open || option === undefined) return;
      event.preventDefault();
      choose(option);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) setOpen(true);
      else if (count > 0)
        setActive((active + (event.key === "ArrowDown" ? 1 : count - (active < 0 ? 0 : 1))) % count);
    }
  };
  return (
    <div class="search">
      <label for={id}>{label}</label>
      <input
        id={id}
        role="combobox"
        aria-expanded={open && options !== undefined}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        value={query}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setOpen(true);
        }}
        onClick={() => setOpen(true)}
        onKeyDown={onKeyDown}
        onBlur={close}
      />
      {open && options !== undefined && (
        <ul id={`${id}-list`} role="listbox" aria-label={label} ref={list}>
          {options.map((option, i) => (
            <li
              key={option.key}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === active}
              // The field keeps the focus.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => choose(option)}
            >
              {option.label} <span class="detail">{option.detail}</span>
            </li>
          ))}
        </ul>
      )}
      <span class="hidden" role="status">
        {open && options !== undefined ? `${options.length || "nothing"} found` : ""}
      </span>
      {open && options?.length === 0 && <p class="note">Nothing found.</p>}
      <Problem error={error} />
    </div>
  );
}
