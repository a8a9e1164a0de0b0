import type { JSX } from "preact";
import { useCallback, useState } from "preact/hooks";
import { findItems, rank, type Asker, type FoundItem, type Info, type LlmUse, type Ranked } from "../api.ts";
import { useAction } from "../hooks.ts";
import { formatNumber } from "../numbers.ts";
import { Problem } from "../page/problem.tsx";
import { SearchBox } from "../page/search-box.tsx";
import { askerOf, invented, type Draft } from "./asker.ts";
import { Candidate } from "./candidate.tsx";
import { searchItems, UserPanel } from "./user-panel.tsx";

/** A ranking, and what it was asked for. */
interface Ranking {
  readonly items: readonly Ranked[];
  readonly latencyMs: number | undefined;
  readonly asker: Asker;
  readonly llm: LlmUse;
}

const popularCount = 10;
const llmUses: readonly (readonly [LlmUse, string])[] = [
  ["auto", "as the router says"],
  ["never", "never"],
  ["always", "about everything"],
];

/** Who asks on one side, what is ranked for them on the other. */
export function RankPage({ info }: { readonly info: Info }): JSX.Element {
  const [draft, setDraft] = useState<Draft>(invented);
  const [candidates, setCandidates] = useState<readonly FoundItem[]>([]);
  const [llm, setLlm] = useState<LlmUse>("auto");
  const [ranking, setRanking] = useState<Ranking>();
  const popular = useAction(
    findItems,
    useCallback((found: readonly FoundItem[]) => setCandidates((known) => union(known, found)), []),
  );
  const order = useAction(
    useCallback(async (asker: Asker, items: readonly string[], use: LlmUse): Promise<Ranking> => {
      const { items: ranked, latencyMs } = await rank(asker, items, use);
      return { items: ranked, latencyMs, asker, llm: use };
    }, []),
    setRanking,
  );
  const ranked = new Map(ranking?.items.map((item) => [item.item, item]));
  const stale =
    ranking !== undefined &&
    (JSON.stringify(ranking.asker) !== JSON.stringify(askerOf(draft)) || ranking.llm !== llm);
  const shown = candidates.toSorted((a, b) => rankOf(ranked, a) - rankOf(ranked, b));
  const submit = (event: Event): void => {
    event.preventDefault();
    order.run(
      askerOf(draft),
      candidates.map(({ item }) => item),
      llm,
    );
  };
  return (
    <div class="columns">
      <UserPanel info={info} draft={draft} onChange={setDraft} />
      <section class="panel" aria-labelledby="candidates-title">
        <h2 id="candidates-title">Candidates</h2>
        <SearchBox
          label="Add a candidate"
          placeholder={`one of ${info.items.toLocaleString("en")}, by title or id`}
          search={searchItems}
          onChoose={({ key, label }) => setCandidates(union(candidates, [{ item: key, title: label }]))}
        />
        <Problem error={popular.error} />
        <form class="row" onSubmit={submit}>
          <button type="button" onClick={() => popular.run("", popularCount)}>
            Add {popularCount} popular
          </button>
          <button
            type="button"
            disabled={candidates.length === 0}
            onClick={() => {
              setCandidates([]);
              setRanking(undefined);
            }}
          >
            Clear
          </button>
          {info.models.crm !== undefined && info.models.llm !== undefined && (
            <label class="inline">
              Ask the LLM{" "}
              <select value={llm} onChange={(event) => setLlm(event.currentTarget.value as LlmUse)}>
                {llmUses.map(([use, words]) => (
                  <option key={use} value={use}>
                    {words}
                  </option>
                ))}
              </select>
            </label>
          )}
          <button class="primary" disabled={candidates.length === 0 || order.busy}>
            Rank
          </button>
        </form>
        <Problem error={order.error} />
        <p class="note" role="status">
          {statusOf(candidates, ranking, { busy: order.busy, stale })}
        </p>
        <ol class={stale ? "candidates stale" : "candidates"}>
          {shown.map((candidate) => (
            <Candidate
              key={candidate.item}
              info={info}
              candidate={candidate}
              ranked={ranked.get(candidate.item)}
              asker={ranking?.asker}
              onRemove={() => setCandidates(candidates.filter(({ item }) => item !== candidate.item))}
            />
          ))}
        </ol>
      </section>
    </div>
  );
}

function statusOf(
  candidates: readonly FoundItem[],
  ranking: Ranking | undefined,
  { busy, stale }: { readonly busy: boolean; readonly stale: boolean },
): string {
  if (busy) return "Ranking …";
  if (candidates.length === 0) return "Choose what is to be ranked.";
  if (ranking === undefined) return `${candidates.length} to rank.`;
  const asked = ranking.items.filter(({ pLlm }) => pLlm !== undefined).length;
  const took = ranking.latencyMs === undefined ? "" : ` in ${formatNumber(ranking.latencyMs)} ms`;
  return `${ranking.items.length} ranked${took}, the LLM answered ${asked}.${stale ? " Changed since: rank again." : ""}`;
}

function rankOf(ranked: ReadonlyMap<string, Ranked>, { item }: FoundItem): number {
  return ranked.get(item)?.rank ?? Number.MAX_SAFE_INTEGER;
}

function union(known: readonly FoundItem[], more: readonly FoundItem[]): readonly FoundItem[] {
  return [...known, ...more.filter(({ item }) => known.every((each) => each.item !== item))];
}
