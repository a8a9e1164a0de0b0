import { CorellaError } from "@corella/errors";
import type { Context } from "hono";
import type { ApiKey, Keyring, Scope } from "./api-keys.ts";

/** A key is much shorter; what is longer is not hashed. */
const maxKeyLength = 512;

/**
 * The key that a request shows, by `Authorization: Bearer` or `X-API-Key`, where it may do what is asked. Sets `www-authenticate` where not.
 * @throws CorellaError `serve/no-key`, `serve/bad-key`, `serve/scope`
 */
export function authenticate(c: Context, keyring: Keyring, scope: Scope): ApiKey {
  const shown = shownKey(c);
  if (shown === undefined) {
    challenge(c);
    throw new CorellaError({
      code: "serve/no-key",
      message: "The request shows no API key.",
      place: "authorization",
      remedy: "Send the header authorization: Bearer <key>, or x-api-key: <key>.",
    });
  }
  const key = shown.length <= maxKeyLength ? keyring.find(shown) : undefined;
  if (key === undefined) {
    challenge(c, 'error="invalid_token"');
    throw new CorellaError({
      code: "serve/bad-key",
      message: "The API key is not known.",
      place: "authorization",
      remedy: "Ask whoever runs this server for a key.",
    });
  }
  if (key.scopes.includes(scope)) return key;
  challenge(c, `error="insufficient_scope", scope="${scope}"`);
  throw new CorellaError({
    code: "serve/scope",
    message: `The API key is not for this: it lacks the scope "${scope}".`,
    place: "authorization",
    remedy: "Use a key with this scope.",
  });
}

function shownKey(c: Context): string | undefined {
  const bearer = /^bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "")?.[1];
  return bearer ?? (c.req.header("x-api-key") || undefined);
}

function challenge(c: Context, more?: string): void {
  c.header("www-authenticate", `Bearer realm="corella"${more === undefined ? "" : `, ${more}`}`);
}
