import type { JSX } from "preact";
import { useCallback } from "preact/hooks";
import { findItems, findUsers, getUser, type Info } from "../api.ts";
import { useAction } from "../hooks.ts";
import { Problem } from "../page/problem.tsx";
import { SearchBox, type Option } from "../page/search-box.tsx";
import { draftOf, invented, isEdited, withEvent, type Draft } from "./asker.ts";
import { HistoryList } from "./history-list.tsx";

interface UserPanelProps {
  readonly info: Info;
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}

/** Users that a search finds, and whoever has that very id: a store of events may know more users than the bundle, which is searched. */
async function searchUsers(query: string): Promise<Option[]> {
  const found = await findUsers(query, 20);
  const options = found.map(({ user, events }) => ({
    key: user,
    label: user,
    detail: `${events} ${events === 1 ? "event" : "events"}`,
  }));
  const id = query.trim();
  return id === "" || found.some(({ user }) => user === id)
    ? options
    : [...options, { key: id, label: id, detail: "look up this id" }];
}

/** Items by their titles. */
export async function searchItems(query: string): Promise<Option[]> {
  const found = await findItems(query, 20);
  return found.map(({ item, title }) =>
    title === undefined ? { key: item, label: item } : { key: item, label: title, detail: item },
  );
}

/** Who asks: a user that is known, or somebody invented, and their history. */
export function UserPanel({ info, draft, onChange }: UserPanelProps): JSX.Element {
  const { known } = draft;
  const choose = useAction(
    getUser,
    useCallback((user) => onChange(draftOf(user)), [onChange]),
  );
  const add = ({ key, label }: Option): void =>
    onChange(
      withEvent(draft, { item: key, title: label, rating: info.ratings?.[1] ?? 1 }, Date.now() / 1000),
    );
  return (
    <section class="panel" aria-labelledby="user-title">
      <h2 id="user-title">{known === undefined ? "An invented user" : `User ${known.user}`}</h2>
      <SearchBox
        label="Find a user"
        placeholder={`one of ${info.users.toLocaleString("en")}, by id`}
        search={searchUsers}
        onChoose={({ key }) => choose.run(key)}
      />
      <Problem error={choose.error} />
      <p class="row">
        <button type="button" onClick={() => onChange(invented)} disabled={draft === invented}>
          Invent a user
        </button>
        {isEdited(draft) && known !== undefined && (
          <button type="button" onClick={() => onChange(draftOf(known))}>
            Undo edits
          </button>
        )}
      </p>
      {known?.attributes !== undefined && Object.keys(known.attributes).length > 0 && (
        <p class="note">
          {Object.entries(known.attributes)
            .map(([name, value]) => `${name} ${String(value)}`)
            .join(" · ")}
        </p>
      )}
      <h3>History, oldest first</h3>
      <p class="note">
        {historyNote(draft)} The models look at the latest {info.historyLength}.
      </p>
      <HistoryList ratings={info.ratings} draft={draft} onChange={onChange} />
      <SearchBox
        label="Add an event"
        placeholder="title or id of an item"
        search={searchItems}
        onChoose={add}
      />
    </section>
  );
}

function historyNote(draft: Draft): string {
  if (isEdited(draft) && draft.known !== undefined) return "Edited here; the server keeps its own.";
  const earlier = draft.known?.earlier ?? 0;
  const count = draft.history.length;
  if (count === 0) return "Nothing yet.";
  return `${count} ${count === 1 ? "event" : "events"}${earlier === 0 ? "." : `, after ${earlier} earlier ones.`}`;
}
