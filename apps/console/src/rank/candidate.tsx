import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import type { Asker, FoundItem, Info, Ranked } from "../api.ts";
import { formatUnit } from "../numbers.ts";
import { Why } from "./why.tsx";

interface CandidateProps {
  readonly info: Info;
  readonly candidate: FoundItem;
  /** undefined: not ranked yet. */
  readonly ranked: Ranked | undefined;
  readonly asker: Asker | undefined;
  readonly onRemove: () => void;
}

/** One candidate: its rank and probability, who answered, and on demand why. */
export function Candidate({ info, candidate, ranked, asker, onRemove }: CandidateProps): JSX.Element {
  const id = useId();
  const [open, setOpen] = useState(false);
  const name = candidate.title ?? candidate.item;
  return (
    <li>
      <div class="candidate">
        <span class="rank">{ranked?.rank ?? "–"}</span>
        <span class="name">{name}</span>
        {ranked !== undefined && (
          <>
            <span class="probability">
              <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect class="track" width="100" height="8" />
                <rect class="fill" width={100 * ranked.probability} height="8" />
              </svg>
              {formatUnit(ranked.probability)}
            </span>
            <Route ranked={ranked} />
          </>
        )}
        <span class="buttons">
          {ranked !== undefined && (
            <button
              type="button"
              aria-expanded={open}
              aria-controls={open ? id : undefined}
              aria-label={`why ${name}`}
              onClick={() => setOpen(!open)}
            >
              Why
            </button>
          )}
          <button
            type="button"
            class="icon"
            aria-label={`remove ${name} from the candidates`}
            onClick={onRemove}
          >
            ×
          </button>
        </span>
      </div>
      {open && ranked !== undefined && asker !== undefined && (
        <div id={id}>
          <Why info={info} ranked={ranked} asker={asker} />
        </div>
      )}
    </li>
  );
}

function Route({ ranked }: { readonly ranked: Ranked }): JSX.Element {
  const {
    route = ranked.pLlm === undefined ? "crm" : "llm",
    fallback,
    degraded,
    missing,
    unknownItem,
  } = ranked;
  const fell = fallback !== undefined || (degraded !== undefined && degraded !== false);
  return (
    <span class="badges">
      <span class={`badge ${route === "llm" ? "llm" : "crm"}`}>{route.toUpperCase()}</span>
      {fell && <span class="badge warn">LLM did not answer</span>}
      {missing !== undefined && missing.length > 0 && (
        <span class="badge warn">without {missing.join(", ")}</span>
      )}
      {unknownItem === true && <span class="badge warn">unknown item</span>}
    </span>
  );
}
