import { writeFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { registerLazyBackend } from "@corella/engine/testing";
import { CorellaError, formatError } from "@corella/errors";
import { runModel } from "./run-model.ts";
import { runSuite } from "./suite.ts";
import { asMarkdown, summarize } from "./summary.ts";

interface Options {
  readonly only: RegExp;
  readonly backend: string;
  readonly json?: string;
}

const command = new Command("op-tests")
  .description("Runs the operation tests of tfjs-core on the kernels of captured programs and onnxruntime.")
  .option("--only <pattern>", "tests whose `<file> <name>` this regular expression finds", pattern, /^/)
  .option("--backend <name>", "`corella`, or `cpu` to see what tfjs itself passes", "corella")
  .option("--json <file>", "also write every test, its outcome and message")
  .addHelpText(
    "after",
    "\nExit code: 0, 1 when a test fails that exclusions.ts does not record, 2 for a bad argument.",
  )
  .exitOverride();

try {
  command.parse();
  process.exitCode = await run(command.opts<Options>());
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`${formatError(error)}\n`);
    process.exitCode = 2;
  }
}

async function run({ only, backend, json }: Options): Promise<number> {
  if (backend !== "corella" && backend !== "cpu") {
    throw new CorellaError({
      code: "op-tests/backend",
      message: `There is no backend ${JSON.stringify(backend)}.`,
      place: "--backend",
      remedy: "Choose corella or cpu.",
    });
  }
  registerLazyBackend("corella", runModel);
  const results = await runSuite(backend, only);
  if (results.length === 0) {
    throw new CorellaError({
      code: "op-tests/none",
      message: `No test is called ${String(only)}.`,
      place: "--only",
      remedy: "For example --only '^ops/conv2d'.",
    });
  }
  const summary = summarize(results);
  process.stdout.write(asMarkdown(summary));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ ...summary, results }, undefined, 1)}\n`);
  return summary.unexpected.length === 0 ? 0 : 1;
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new InvalidArgumentError("It is a regular expression.");
  }
}
