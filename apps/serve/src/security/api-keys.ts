import { createHash, timingSafeEqual } from "node:crypto";
import { parseStrict, parseYaml } from "@corella/configuration";
import { CorellaError } from "@corella/errors";
import { z } from "zod";

/** What a key may be for. */
export const scopes = ["score", "events", "explain", "metrics", "admin"] as const;
/** One thing that a key may be for. */
export type Scope = (typeof scopes)[number];

/** How much a caller may ask for in a second; what is left out has no limit of its own. */
export interface RateLimit {
  readonly requests?: number | undefined;
  /** Samples and events, which a request may have many of. */
  readonly samples?: number | undefined;
}

/** A key as its file has it: not the key itself, which nobody can make of this. */
export interface ApiKey {
  readonly name: string;
  /** SHA-256 of the key, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly scopes: readonly Scope[];
  /** In place of the limits of all. */
  readonly limit?: RateLimit | undefined;
}

/** Keys that callers may show. */
export interface Keyring {
  readonly size: number;
  /** The entry of a key. Compares with all of them, each in constant time. */
  find(key: string): ApiKey | undefined;
}

const rate = z.number().positive().max(1e6).optional();
const keyEntry = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, "expected 1 to 64 letters, digits, dots, hyphens or underscores"),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected the 64 hexadecimal digits of a SHA-256"),
  scopes: z.array(z.enum(scopes)).min(1),
  limit: z.strictObject({ requests: rate, samples: rate }).optional(),
});
const keyFile: z.ZodType<{ readonly keys: readonly ApiKey[] }> = z.strictObject({ keys: z.array(keyEntry) });

/**
 * Reads the content of a file of keys, YAML or JSON.
 * @param place the file, for errors
 * @throws CorellaError `config/syntax`, `config/unknown-key`, `config/invalid`, `serve/bad-keys` for a name or key that is there twice, and for an empty file
 */
export function parseKeys(text: string, place: string): ApiKey[] {
  // Most likely it is being written: nobody is shut out by that.
  if (text.trim() === "") throw emptyFile(place);
  const { keys } = parseStrict(keyFile, parseYaml(text, place), place);
  for (const field of ["name", "sha256"] as const) {
    const seen = new Set<string>();
    for (const key of keys) {
      if (seen.has(key[field])) {
        throw new CorellaError({
          code: "serve/bad-keys",
          message: `The ${field} of key "${key.name}" is there twice.`,
          place,
          remedy: "Give every key a name and a hash of its own.",
        });
      }
      seen.add(key[field]);
    }
  }
  return [...keys];
}

/** SHA-256 of a key, hexadecimal. A key is 32 random bytes: guessing one is hopeless, so no slow hash is needed. */
export function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** Makes a keyring of the entries of a file. */
export function createKeyring(keys: readonly ApiKey[]): Keyring {
  const entries = keys.map((key) => ({ key, hash: Buffer.from(key.sha256, "hex") }));
  return {
    size: entries.length,
    find(shown) {
      const hash = createHash("sha256").update(shown).digest();
      let found: ApiKey | undefined;
      for (const entry of entries) if (timingSafeEqual(entry.hash, hash)) found = entry.key;
      return found;
    },
  };
}

function emptyFile(place: string): CorellaError {
  return new CorellaError({
    code: "serve/bad-keys",
    message: "The file of keys is empty.",
    place,
    remedy: "Make a key by `keys create`, or say `keys: []` for none.",
  });
}
