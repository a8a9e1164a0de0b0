import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { Argument, Command, InvalidArgumentError } from "commander";
import { CorellaError, formatError } from "@corella/errors";
import { crmCostCases, crmEpochs, crmSteps } from "./areas/crm.ts";
import { dataCases } from "./areas/data.ts";
import { engineCases } from "./areas/engine.ts";
import { realCases } from "./areas/llm-real.ts";
import { llmCases } from "./areas/llm.ts";
import { measureServing } from "./areas/serve.ts";
import { positiveInteger, report, runCommand } from "./command-line.ts";
import type { BenchCase } from "./contestant.ts";
import { profileCase } from "./ort-profile.ts";
import { runCase } from "./run-case.ts";

interface Options {
  readonly rounds: number;
  readonly threads: number;
  readonly only?: string;
  readonly list?: true;
  readonly epoch?: true;
  readonly cost?: true;
  readonly share: number;
  readonly ml1m: string;
  readonly huge?: true;
  readonly ortProfile?: string;
  readonly model?: string;
  readonly bundle: string;
  readonly seconds: number;
  readonly perSecond: number;
}

const areas: Readonly<Record<string, (options: Options) => BenchCase[] | Promise<BenchCase[]>>> = {
  engine: ({ huge }) => engineCases(huge === true),
  crm: ({ cost, epoch, ml1m, share }) =>
    cost === true
      ? crmCostCases()
      : epoch === true
        ? crmEpochs(resolve(ml1m), resolve(".cache", "bench"), share)
        : crmSteps(),
  llm: async ({ model, ml1m }) => [
    ...(await llmCases()),
    ...(model === undefined ? [] : await realCases(resolve(model), resolve(ml1m))),
  ],
  data: () => dataCases(),
};

const command = new Command("bench")
  .description(
    "Measures us and the peers in turn (ours, peer, ours, peer, ...) and prints one JSON line a measure.",
  )
  .addArgument(new Argument("<area>", "what to measure").choices([...Object.keys(areas), "serve"]))
  .option("--rounds <count>", "rounds of each side; medians are reported", positiveInteger, 7)
  .option("--threads <count>", "threads of each side", positiveInteger, 2)
  .option("--only <name>", "one case, or one rival of it: `dcnv2-step`, `dcnv2-step/torch-fp32`")
  .option("--list", "name the cases and stop")
  .option("--epoch", "crm: whole epochs of ML-1M instead of steps")
  .option("--cost", "crm: how a step grows with fields, embedding size, batch and rows")
  .option("--share <fraction>", "of an epoch that is run; times are scaled to the whole", fraction, 1)
  .option("--ml-1m <path>", "ML-1M, as ml-1m.zip or a folder", "../shared/data/ml-1m.zip")
  .option("--huge", "engine: also tables of 10^8 rows (13 GB)")
  .option("--model <path>", "llm: a SmolLM2 (GGUF or folder), for the cases on prompts of ML-1M")
  .option("--bundle <folder>", "serve: what is served", "runs/movietweetings/bundle")
  .option("--seconds <count>", "serve: of each turn; overload lasts six times as long", positiveInteger, 10)
  .option("--per-second <count>", "serve: requests of the measures at a constant rate", positiveInteger, 500)
  .option("--ort-profile <folder>", "our side alone, with onnxruntime's profile by operator")
  .addHelpText(
    "after",
    "\nPeers are set up by tooling/bench/peers/setup.sh; where they are not, peer is null.",
  )
  .exitOverride();

await runCommand(command, 2, (argument) => run(argument, command.opts<Options>()));

async function run(area: string, options: Options): Promise<void> {
  if (area === "serve") return measureServing({ ...options, bundle: resolve(options.bundle), report }, print);
  const cases = chosen(await areas[area]!(options), options.only);
  for (const bench of cases) {
    if (cases.length > 1 && options.list !== true) alone(bench);
    else if (options.list === true) {
      for (const rival of bench.rivals) process.stdout.write(`${bench.name}/${rival.name}: ${bench.what}\n`);
    } else if (options.ortProfile === undefined) {
      await compare(bench, options);
    } else await profile(bench, resolve(options.ortProfile), options);
  }
}

/** Runs a case in a process of its own: its peak of memory is then the case's. */
function alone(bench: BenchCase): void {
  const [program, ...commandLine] = process.argv.slice(1);
  const child = spawnSync(
    process.execPath,
    [...process.execArgv, program!, ...commandLine, "--only", bench.name],
    { stdio: "inherit" },
  );
  if (child.status !== 0) process.exitCode = child.status ?? 2;
}

/** A peer that fails ends its own case only. */
async function compare(bench: BenchCase, options: Options): Promise<void> {
  try {
    for (const result of await runCase(bench, { ...options, report })) print(result);
  } catch (error) {
    if (!CorellaError.isInstance(error)) throw error;
    process.stderr.write(`${bench.name}: ${formatError(error)}\n`);
    process.exitCode = 1;
  }
}

async function profile(bench: BenchCase, folder: string, { threads, rounds }: Options): Promise<void> {
  report(`${bench.name}: profiling`);
  const { stepMs, operators } = await profileCase(bench, { folder, threads, runs: rounds });
  const inside = operators.reduce((sum, { ms }) => sum + ms, 0);
  const name = `${bench.name}/ort-profile`;
  print({ name, ours: round(stepMs), unit: "ms", insideOperators: round(inside) });
  for (const { operator, ms, share, nodes } of operators)
    print({ name: `${name}/${operator}`, ours: round(ms), unit: "ms", share: round(share), nodes });
}

function chosen(cases: readonly BenchCase[], only: string | undefined): readonly BenchCase[] {
  if (only === undefined) return cases;
  const found = cases
    .filter(({ name }) => only === name || only.startsWith(`${name}/`))
    .map((bench) => ({
      ...bench,
      rivals: bench.rivals.filter(({ name }) => only === bench.name || only === `${bench.name}/${name}`),
    }))
    .filter(({ rivals }) => rivals.length > 0);
  if (found.length > 0) return found;
  throw new CorellaError({
    code: "bench/unknown-case",
    message: `There is no case ${JSON.stringify(only)}.`,
    place: "--only",
    remedy: `Choose among ${cases.map(({ name }) => name).join(", ")}.`,
  });
}

function print(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

function fraction(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError("It is above 0 and at most 1.");
  return value;
}
