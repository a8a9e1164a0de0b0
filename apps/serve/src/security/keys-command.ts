import { CorellaError } from "@corella/errors";
import { Command } from "commander";
import { scopes, type Scope } from "./api-keys.ts";
import { createKey } from "./keys-file.ts";

interface Options {
  readonly keys: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** `keys create`: makes an API key, and tells it once. */
export function keysCommand(): Command {
  const create = new Command("create")
    .description("makes an API key, writes its hash into a file, and tells the key: it cannot be read again")
    .requiredOption("--name <name>", "of whoever uses it")
    .requiredOption("--scopes <scopes>", `what it is for: ${scopes.join(",")}`, scopesOf)
    .option("--keys <file>", "file of keys, made where there is none", "keys.yaml")
    .action(async ({ keys, name, scopes: chosen }: Options) => {
      const key = await createKey(keys, { name, scopes: chosen });
      process.stdout.write(`${key}\n`);
      process.stderr.write(
        `"${name}" may use it for ${chosen.join(", ")}. ${keys} has its hash; keep the key yourself.\n`,
      );
    });
  return new Command("keys").description("API keys").addCommand(create);
}

function scopesOf(value: string): readonly Scope[] {
  const named = value.split(",").map((name) => name.trim());
  const unknown = named.find((name) => !(scopes as readonly string[]).includes(name));
  if (unknown === undefined) return [...new Set(named)] as Scope[];
  throw new CorellaError({
    code: "serve/bad-option",
    message: `"${unknown}" is no scope.`,
    place: "--scopes",
    remedy: `Give some of ${scopes.join(",")}, with commas between them.`,
  });
}
