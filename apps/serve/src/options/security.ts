import { CorellaError } from "@corella/errors";
import { type Command, Option } from "commander";
import { isLoopback } from "../security/address.ts";
import type { RateLimit } from "../security/api-keys.ts";
import { watchKeys } from "../security/keys-file.ts";
import { loopbackNames } from "../security/own-site.ts";
import { createSecurity, type Security } from "../security/security.ts";

/** What the command line says of who may ask, and how much. */
export interface SecurityFlags {
  readonly host: string;
  readonly keys?: string;
  /** False: `--no-auth`. */
  readonly auth: boolean;
  readonly allowedHosts?: readonly string[];
  readonly trustProxy: number;
  readonly rateLimit?: number;
  readonly sampleLimit?: number;
  readonly store?: string;
}

/** Adds the options of `SecurityFlags` that no other part of the command has. */
export function withSecurityOptions(command: Command): Command {
  return command
    .option("--keys <file>", "API keys that callers must show; `keys create` makes one")
    .addOption(new Option("--no-auth", "answer anybody, also on an address that others can reach"))
    .option(
      "--allowed-hosts <names>",
      "names by which the server may be asked, with commas; default on a loopback address: its own",
      (value) => value.split(",").map((name) => name.trim().toLowerCase()),
    )
    .option(
      "--trust-proxy <hops>",
      "proxies before the server whose x-forwarded-for is believed",
      numberOf("--trust-proxy", { least: 0, most: 16, whole: true }),
      0,
    )
    .option(
      "--rate-limit <requests>",
      "requests a second of a key, or without keys of an address; default: no limit",
      numberOf("--rate-limit", { least: 0.001, most: 1e6 }),
    )
    .option(
      "--sample-limit <samples>",
      "samples and events a second, likewise",
      numberOf("--sample-limit", { least: 0.001, most: 1e6 }),
    );
}

/**
 * Refuses to answer anybody on an address that others can reach, unless that was said.
 * @throws CorellaError `serve/unprotected`, `serve/bad-option`
 */
export function requireProtection({ host, keys, auth }: Pick<SecurityFlags, "host" | "keys" | "auth">): void {
  if (keys !== undefined && !auth) {
    throw new CorellaError({
      code: "serve/bad-option",
      message: "--keys and --no-auth contradict each other.",
      place: "--keys, --no-auth",
      remedy: "Give one of them.",
    });
  }
  if (keys !== undefined || !auth || isLoopback(host)) return;
  throw new CorellaError({
    code: "serve/unprotected",
    message: `Whoever can reach ${host} could ask this server anything.`,
    place: "--host",
    remedy:
      "Give --keys and a file that `keys create` makes, listen on 127.0.0.1, or say --no-auth where something else guards it.",
  });
}

/**
 * What stands before the endpoints, as the command line says.
 * @throws CorellaError those of `requireProtection` and `watchKeys`
 */
export async function openSecurity(flags: SecurityFlags, log: (line: string) => void): Promise<Security> {
  requireProtection(flags);
  const { host, keys, allowedHosts, trustProxy, rateLimit, sampleLimit, store } = flags;
  const watched = keys === undefined ? undefined : await watchKeys(keys, { log });
  const limit: RateLimit = { requests: rateLimit, samples: sampleLimit };
  // Keys may have limits of their own.
  const limited = (rateLimit ?? sampleLimit ?? keys) !== undefined;
  const shared = limited && store !== undefined && /^rediss?:\/\//.test(store);
  const security = createSecurity({
    keys: watched?.current,
    hosts: allowedHosts ?? (isLoopback(host) ? [...loopbackNames, host.toLowerCase()] : undefined),
    trustedProxies: trustProxy,
    limit,
    redis: shared ? store : undefined,
  });
  return {
    ...security,
    close() {
      watched?.close();
      security.close();
    },
  };
}

function numberOf(
  option: string,
  { least, most, whole = false }: { readonly least: number; readonly most: number; readonly whole?: boolean },
): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (value.trim() !== "" && number >= least && number <= most && (!whole || Number.isInteger(number)))
      return number;
    throw new CorellaError({
      code: "serve/bad-option",
      message: `"${value}" is not a ${whole ? "whole " : ""}number from ${least} to ${most}.`,
      place: option,
      remedy: "Leave it out for the default.",
    });
  };
}
