import { type Command, Option } from "commander";
import { wholeNumber } from "./number.ts";

/** A bundle as the command names it. */
export interface NamedBundle {
  /** Undefined: what the bundle says. */
  readonly name?: string | undefined;
  readonly folder: string;
}

/** What a command says of how it is operated. */
export interface OperationsOptions {
  /** Empty: the newest under `runs`. */
  readonly bundle: readonly NamedBundle[];
  readonly runs: string;
  readonly split?: string;
  readonly splitSalt: string;
  readonly admin: boolean;
  readonly shown?: string;
  readonly shownMegabytes: number;
  readonly shownUsers: boolean;
  readonly shownKeyVariable?: string;
  readonly log: "auto" | "json" | "text";
  readonly otlp?: string;
  readonly drainDelay: number;
  readonly drainTimeout: number;
}

/** Adds the options of bundles, logs, traces, reloads and the end. */
export function addOperationsOptions(command: Command): Command {
  return command
    .option(
      "--bundle <folder>",
      "bundle, or name=folder; again for another, of which the first answers unless --split says else; default: the newest under --runs",
      (value: string, before: readonly NamedBundle[]) => [...before, namedBundle(value)],
      [],
    )
    .option("--runs <folder>", "where runs are kept", "runs")
    .option(
      "--split <shares>",
      "per cent of users by bundle: name=90,other=10; also by version; users without an id get the first",
    )
    .option("--split-salt <text>", "of an experiment or period: another one draws its users anew", "corella")
    .option("--admin", "lets POST /v1/admin/reload read the bundles again, as signal SIGHUP does", false)
    .option("--shown <file>", "keeps what was answered, a JSON line for each sample, with users' pseudonyms")
    .option(
      "--shown-megabytes <count>",
      "size at which that file is renamed and another begun; four are kept",
      wholeNumber("--shown-megabytes"),
      100,
    )
    .option("--shown-users", "keeps users' ids in place of pseudonyms", false)
    .option(
      "--shown-key-variable <name>",
      "environment variable that holds the key of pseudonyms; without it they change with every start",
    )
    .addOption(
      new Option("--log <format>", "lines of the log; auto: text in a terminal, otherwise json")
        .choices(["auto", "json", "text"])
        .default("auto"),
    )
    .option("--otlp <url>", "an OpenTelemetry collector that takes traces: http://localhost:4318")
    .option(
      "--drain-delay <ms>",
      "after a signal to stop: not ready, but still answering, until balancers have seen it",
      wholeNumber("--drain-delay", 0),
      0,
    )
    .option(
      "--drain-timeout <ms>",
      "then the longest wait for running requests",
      wholeNumber("--drain-timeout", 0),
      10_000,
    );
}

/** A name has no slash: a folder may hold an equals sign. */
function namedBundle(value: string): NamedBundle {
  const [, name, folder] = /^([\w.-]+)=(.+)$/.exec(value) ?? [];
  return folder === undefined ? { folder: value } : { name, folder };
}
