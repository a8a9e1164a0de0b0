import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { openSecurity, requireProtection, withSecurityOptions, type SecurityFlags } from "./security.ts";

/** What a command line says. */
function flagsOf(...words: string[]): SecurityFlags {
  const command = withSecurityOptions(new Command().option("--host <address>", "", "127.0.0.1"));
  return command.parse(words, { from: "user" }).opts<SecurityFlags>();
}

describe("an address that others can reach", () => {
  const others = [
    "0.0.0.0",
    "::",
    "192.0.2.1",
    "example.org",
    "localhost.example.org",
    "127.0.0.1.example.org",
  ];
  test.each(others)("%s needs keys, or the word that it shall be open", (host) => {
    expect(() => requireProtection(flagsOf("--host", host))).toThrow(
      expect.objectContaining({ code: "serve/unprotected", place: "--host" }),
    );
    requireProtection(flagsOf("--host", host, "--no-auth"));
    requireProtection(flagsOf("--host", host, "--keys", "keys.yaml"));
  });

  test.each(["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]", "::ffff:127.0.0.1"])(
    "%s is none of them",
    (host) => requireProtection(flagsOf("--host", host)),
  );
});

test("options that say nothing, or two things at once, are refused", async () => {
  expect(() => requireProtection(flagsOf("--keys", "k", "--no-auth"))).toThrow(
    expect.objectContaining({ code: "serve/bad-option" }),
  );
  for (const words of [
    ["--trust-proxy", "yes"],
    ["--trust-proxy", "1.5"],
    ["--trust-proxy", "-1"],
    ["--rate-limit", "0"],
    ["--rate-limit", ""],
    ["--sample-limit", "Infinity"],
  ])
    expect(() => flagsOf(...words), words.join(" ")).toThrow(
      expect.objectContaining({ code: "serve/bad-option", place: words[0] }),
    );
  const missing = openSecurity(flagsOf("--keys", "nowhere/keys.yaml"), () => {});
  await expect(missing).rejects.toMatchObject({ code: "serve/keys-missing", place: "nowhere/keys.yaml" });
});
