import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { unwatchFile, watchFile } from "node:fs";
import { CorellaError, formatError } from "@corella/errors";
import { writeFileAtomic } from "@corella/files";
import { parseDocument } from "yaml";
import { createKeyring, hashOf, parseKeys, type ApiKey, type Keyring } from "./api-keys.ts";

/** How often the file is looked at, in milliseconds: a key that was taken out of it works no longer than that. */
const lookMs = 2000;

/** The keys of a file as it is now. */
export interface WatchedKeys {
  current(): Keyring;
  close(): void;
}

/**
 * Reads a file of keys, and again whenever it changes. A change that cannot be read leaves the keys as they were, and is told.
 * @param options.log takes a line for each change
 * @throws CorellaError `serve/keys-missing` and those of `parseKeys`, only for the first reading
 */
export async function watchKeys(
  path: string,
  { log, everyMs = lookMs }: { readonly log: (line: string) => void; readonly everyMs?: number },
): Promise<WatchedKeys> {
  let keyring = createKeyring(parseKeys(await readKeys(path), path));
  const reread = async (): Promise<void> => {
    try {
      keyring = createKeyring(parseKeys(await readKeys(path), path));
      log(`keys read again: ${keyring.size}`);
    } catch (error) {
      log(`the keys stay as they were: ${formatError(error)}`);
    }
  };
  const listener = (): void => void reread();
  // By looking, not by notices: a mounted secret changes by links that are exchanged.
  watchFile(path, { interval: everyMs, persistent: false }, listener);
  return {
    current: () => keyring,
    close: () => unwatchFile(path, listener),
  };
}

/**
 * Makes a key, adds its hash to a file, and tells the key: the only time that it can be read.
 * @param path made where there is none; readable by its owner alone
 * @throws CorellaError `serve/bad-keys` for a name that is taken, those of `parseKeys`, `file/write-failed`
 */
export async function createKey(
  path: string,
  entry: Pick<ApiKey, "name" | "scopes" | "limit">,
): Promise<string> {
  const before = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "keys: []\n";
    throw cannotRead(path, error);
  });
  const key = `corella_${randomBytes(32).toString("base64url")}`;
  const { name, scopes, limit } = entry;
  const document = parseDocument(before);
  parseKeys(before, path);
  // Into the document, not into new text: what somebody has noted beside a key stays.
  if (!document.hasIn(["keys"])) document.set("keys", document.createNode([]));
  document.addIn(
    ["keys"],
    document.createNode({ name, sha256: hashOf(key), scopes: [...scopes], ...(limit && { limit }) }),
  );
  const list = document.getIn(["keys"]);
  if (typeof list === "object" && list !== null && "flow" in list) list.flow = false;
  await writeKeys(path, document.toString());
  return key;
}

/**
 * The keys of a file.
 * @throws CorellaError `serve/keys-missing` and those of `parseKeys`
 */
export async function listKeys(path: string): Promise<ApiKey[]> {
  return parseKeys(await readKeys(path), path);
}

/**
 * Takes a key out of a file: running servers refuse it within two seconds.
 * @throws CorellaError `serve/bad-keys` for a name that no key has, `serve/keys-missing`, those of `parseKeys`, `file/write-failed`
 */
export async function removeKey(path: string, name: string): Promise<void> {
  const before = await readKeys(path);
  const keys = parseKeys(before, path);
  const at = keys.findIndex((key) => key.name === name);
  if (at < 0) {
    throw new CorellaError({
      code: "serve/bad-keys",
      message: `No key is named "${name}".`,
      place: path,
      remedy: keys.length === 0 ? "It has no keys." : `It has ${keys.map((key) => key.name).join(", ")}.`,
    });
  }
  const document = parseDocument(before);
  document.deleteIn(["keys", at]);
  await writeKeys(path, document.toString());
}

/** Readable by its owner alone. */
async function writeKeys(path: string, text: string): Promise<void> {
  parseKeys(text, path);
  await writeFileAtomic(path, async (file) => {
    await file.chmod(0o600);
    await file.writeFile(text);
  });
}

async function readKeys(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

function cannotRead(path: string, cause: unknown): CorellaError {
  return new CorellaError({
    code: "serve/keys-missing",
    message: "The file of keys cannot be read.",
    place: path,
    remedy: "Make one by `pnpm serve keys create --name <name> --scopes score --keys <file>`.",
    cause,
  });
}
