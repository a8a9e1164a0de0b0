import {
  type Appended,
  type Attachment,
  keptSnapshots,
  type Snapshot,
  type StoreLimits,
} from "../event-store.ts";
import type { StoreEvent } from "../event.ts";
import { tieKey } from "../tie-key.ts";
import type { Database } from "./database.ts";

/** What changes a store's file. */
export type WriteRequest =
  | { readonly kind: "append"; readonly events: readonly StoreEvent[] }
  | { readonly kind: "attach"; readonly bundle: string; readonly until: number }
  | { readonly kind: "snapshot"; readonly bundle: string; readonly snapshot: Snapshot };

/** What the writer answers to each kind of request. */
export type WriteResult = Appended | Attachment | undefined;

/** Bytes of a row of a snapshot: far below what SQLite takes. */
const partBytes = 2 ** 22;

const json = (value: object | undefined): string | null =>
  value === undefined ? null : JSON.stringify(value);

/**
 * Changes of a store's file, each within a transaction of the caller's.
 * @returns one function that does a request
 */
export function createWriter(
  database: Database,
  limits: StoreLimits,
): (request: WriteRequest) => WriteResult {
  const latest = database.prepare("SELECT max(position) AS position FROM log");
  const attributesOf = database.prepare("SELECT attributes FROM items WHERE item = ?");
  const setAttributes = database.prepare(
    "INSERT INTO items VALUES (?, ?) ON CONFLICT DO UPDATE SET attributes = excluded.attributes",
  );
  const addToLog = database.prepare(
    `INSERT INTO log (user, id, item, rating, label, time, context, user_attributes, item_attributes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user, id) DO NOTHING`,
  );
  const setLogAttributes = database.prepare("UPDATE log SET item_attributes = ? WHERE position = ?");
  const trimLog = database.prepare("DELETE FROM log WHERE position <= ?");
  const addToHistory = database.prepare("INSERT INTO histories VALUES (?, ?, ?, ?, ?, ?)");
  const countForUser = database.prepare(
    `INSERT INTO users VALUES (?, 1, 1) ON CONFLICT DO UPDATE SET total = total + 1, kept = kept + 1
     RETURNING kept`,
  );
  const trimHistory = database.prepare(
    `DELETE FROM histories WHERE user = ?1 AND (time, tie, position) IN
     (SELECT time, tie, position FROM histories WHERE user = ?1 ORDER BY time, tie, position LIMIT ?2)`,
  );
  const setKept = database.prepare("UPDATE users SET kept = ? WHERE user = ?");
  const bundleOf = database.prepare("SELECT since, until, snapshot FROM bundles WHERE bundle = ?");
  const addBundle = database.prepare("INSERT INTO bundles VALUES (?, ?, ?, NULL)");
  const setSnapshot = database.prepare("UPDATE bundles SET snapshot = ? WHERE bundle = ?");
  const oldSnapshots = database.prepare(
    "SELECT bundle FROM bundles WHERE snapshot IS NOT NULL ORDER BY snapshot DESC, bundle LIMIT -1 OFFSET ?",
  );
  const forgetSnapshot = database.prepare("UPDATE bundles SET snapshot = NULL WHERE bundle = ?");
  const dropParts = database.prepare("DELETE FROM snapshots WHERE bundle = ?");
  const addPart = database.prepare("INSERT INTO snapshots VALUES (?, ?, ?)");

  const { userEvents, logEvents } = limits;
  // Trimming a user's history one event at a time would look for its end with every event.
  const mostKept = userEvents + Math.ceil(userEvents / 8);
  const position = (): number => Number(latest.get()!.position ?? 0);

  const itemAttributes = ({ item, itemAttributes: told }: StoreEvent): string | null => {
    const stored = attributesOf.get(item)?.attributes as string | undefined;
    const text = json(told) ?? stored ?? null;
    if (text !== null && text !== stored) setAttributes.run(item, text);
    return text;
  };
  const appendOne = (event: StoreEvent): boolean => {
    const { user, id, item, rating, label = null, time, context, userAttributes } = event;
    const added = addToLog.run(
      user,
      id,
      item,
      rating,
      label,
      time,
      json(context),
      json(userAttributes),
      null,
    );
    if (Number(added.changes) === 0) return false;
    const at = Number(added.lastInsertRowid);
    const attributes = itemAttributes(event);
    if (attributes !== null) setLogAttributes.run(attributes, at);
    addToHistory.run(user, time, tieKey(item), at, item, rating);
    const kept = Number(countForUser.get(user)!.kept);
    if (kept > mostKept) {
      trimHistory.run(user, kept - userEvents);
      setKept.run(userEvents, user);
    }
    return true;
  };

  return (request) => {
    switch (request.kind) {
      case "append": {
        let added = 0;
        for (const event of request.events) if (appendOne(event)) added += 1;
        const last = position();
        if (added > 0) trimLog.run(last - logEvents);
        return { added, repeated: request.events.length - added, position: last };
      }
      case "attach": {
        const { bundle, until } = request;
        const known = bundleOf.get(bundle);
        const head = position();
        if (known !== undefined) return { since: Number(known.since), until: Number(known.until), head };
        addBundle.run(bundle, head, until);
        return { since: head, until, head };
      }
      case "snapshot": {
        const { bundle, snapshot } = request;
        const known = bundleOf.get(bundle);
        if (known === undefined || Number(known.snapshot ?? -1) >= snapshot.position) return undefined;
        dropParts.run(bundle);
        for (let part = 0; part * partBytes < snapshot.data.length; part++)
          addPart.run(bundle, part, snapshot.data.subarray(part * partBytes, (part + 1) * partBytes));
        setSnapshot.run(snapshot.position, bundle);
        for (const old of oldSnapshots.all(keptSnapshots)) {
          dropParts.run(old.bundle!);
          forgetSnapshot.run(old.bundle!);
        }
        return undefined;
      }
    }
  };
}
