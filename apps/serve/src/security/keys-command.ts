import { CorellaError } from "@corella/errors";
import { Command } from "commander";
import { scopes, type Scope } from "./api-keys.ts";
import { createKey, listKeys, removeKey } from "./keys-file.ts";

interface Options {
  readonly keys: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
}

const fileOption = ["--keys <file>", "file of keys", "keys.yaml"] as const;

/** `keys create`, which makes an API key and tells it once, `keys list` and `keys remove`. */
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
  const list = new Command("list")
    .description("tells the keys of a file by their names, each with what it is for")
    .option(...fileOption)
    .action(async ({ keys: file }: Pick<Options, "keys">) => {
      for (const { name, scopes: of, limit = {} } of await listKeys(file)) {
        const limits = Object.entries(limit).map(([what, count]) => `${count} ${what}/s`);
        process.stdout.write(`${[name, of.join(","), ...limits].join("\t")}\n`);
      }
    });
  const remove = new Command("remove")
    .description("takes a key out of a file: running servers refuse it within two seconds")
    .argument("<name>", "of the key")
    .option(...fileOption)
    .action(async (name: string, { keys: file }: Pick<Options, "keys">) => {
      await removeKey(file, name);
      process.stderr.write(`"${name}" is out of ${file}: its key works no longer.\n`);
    });
  return new Command("keys").description("API keys").addCommand(create).addCommand(list).addCommand(remove);
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
