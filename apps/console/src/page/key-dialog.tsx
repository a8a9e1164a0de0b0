import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sessionKey, type KeyQuestion } from "../session-key.ts";

/** Asks for an API key when the server wants one. */
export function KeyDialog(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [question, setQuestion] = useState<KeyQuestion>();
  const [key, setKey] = useState("");
  useEffect(() => sessionKey.onQuestion(setQuestion), []);
  useEffect(() => {
    if (question === undefined) dialog.current?.close();
    else if (dialog.current?.open === false) dialog.current.showModal();
  }, [question]);
  const give = (event: Event): void => {
    event.preventDefault();
    if (key.trim() !== "") sessionKey.give(key.trim());
    setKey("");
  };
  return (
    <dialog ref={dialog} aria-labelledby="key-title" onCancel={(event) => event.preventDefault()}>
      <form onSubmit={give}>
        <h2 id="key-title">This server asks for an API key</h2>
        {question?.refused === true && <p class="problem">The last key was refused.</p>}
        <p class="field">
          <label for="key">API key</label>
          <input
            id="key"
            type="password"
            autocomplete="off"
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </p>
        <p class="note">It is kept in this tab until it is closed, and sent to this server alone.</p>
        <button class="primary">Use this key</button>
      </form>
    </dialog>
  );
}
