import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { createRuntime, runtimeKinds, type Runtime, type RuntimeKind } from "@corella/engine";
import { CorellaError, formatError } from "@corella/errors";
import type { Comparison } from "./comparison.ts";
import { compareCrm, crmCases } from "./crm.ts";

interface Options {
  readonly runtime?: RuntimeKind;
  readonly executionProviders?: string;
}

const command = new Command("parity")
  .description("Computes every case of a folder of goldens and compares it with what the peer computed.")
  .argument("<folder>", "goldens of FuxiCTR (CRMs) or of transformers (language models)")
  .addOption(
    new Option(
      "--runtime <name>",
      "one runtime; default: onnxruntime and tfjs-cpu for CRMs, onnxruntime for language models",
    ).choices(runtimeKinds),
  )
  .option("--execution-providers <names>", "of onnxruntime, with commas; default: cpu")
  .addHelpText(
    "after",
    "\nExit code: 0 all within tolerance, 1 something beyond, 2 a folder that cannot be compared.",
  )
  .exitOverride();

try {
  command.parse();
  const folder = resolve(command.args[0]!);
  const comparisons = await compare(folder, command.opts<Options>());
  process.stdout.write(table(comparisons));
  process.exitCode = comparisons.every(isWithin) ? 0 : 1;
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else fail(error);
}

function fail(error: unknown): void {
  process.stderr.write(`${formatError(error)}\n`);
  process.exitCode = 2;
}

async function compare(folder: string, options: Options): Promise<Comparison[]> {
  if (!existsSync(folder) || !(await stat(folder)).isDirectory()) {
    throw new CorellaError({
      code: "parity/no-folder",
      message: "There is no such folder.",
      place: folder,
      remedy: "Give a folder of goldens, for example ../shared/goldens/crm.",
    });
  }
  if ((await crmCases(folder)).length > 0) {
    return compareCrm(folder, await runtimesOf(options, ["onnxruntime", "tfjs-cpu"]));
  }
  if (await isLlmFolder(folder)) {
    const { compareLlm } = await import("./llm.ts");
    return compareLlm(folder, await runtimesOf(options, ["onnxruntime"]));
  }
  throw new CorellaError({
    code: "parity/foreign-folder",
    message: "The folder holds no goldens that we know.",
    place: folder,
    remedy:
      "CRM goldens are <case>.json (with a model) beside <case>.safetensors; language-model goldens have a manifest.json or <case>/model/config.json.",
  });
}

/** The runtime that was asked for, or the default ones. */
async function runtimesOf(options: Options, defaults: readonly RuntimeKind[]): Promise<Runtime[]> {
  const executionProviders = options.executionProviders?.split(",");
  const kinds = options.runtime === undefined ? defaults : [options.runtime];
  return Promise.all(
    kinds.map((kind) =>
      createRuntime({
        kind,
        installedIn: tfjsNodeFolder(),
        executionProviders: kind === "onnxruntime" ? executionProviders : undefined,
      }),
    ),
  );
}

/** Where tooling/tfjs-node/setup.sh builds; without it, wherever Node finds the package. */
function tfjsNodeFolder(): string | undefined {
  const folder = process.env["CORELLA_TFJS_NODE"] ?? join(homedir(), ".cache", "corella-tfjs-node");
  return existsSync(folder) ? folder : undefined;
}

async function isLlmFolder(folder: string): Promise<boolean> {
  if (existsSync(join(folder, "manifest.json"))) return true;
  return (await readdir(folder)).some((name) => existsSync(join(folder, name, "model", "config.json")));
}

function isWithin({ difference, tolerance }: Comparison): boolean {
  return difference <= tolerance;
}

function table(comparisons: readonly Comparison[]): string {
  const number = (value: number): string => (value === 0 ? "0" : value.toExponential(1));
  const rows = comparisons.map((comparison) => [
    comparison.case,
    comparison.group,
    number(comparison.difference),
    number(comparison.tolerance),
    isWithin(comparison) ? "" : "BEYOND",
  ]);
  const lines = [["case", "group", "largest difference", "tolerance", ""], ...rows];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)).join("  "));
  const beyond = comparisons.filter((comparison) => !isWithin(comparison)).length;
  const cases = new Set(comparisons.map((comparison) => comparison.case)).size;
  text.push("", `${cases} cases, ${comparisons.length} groups of tensors, ${beyond} beyond tolerance`);
  return text.map((line) => `${line.trimEnd()}\n`).join("");
}
