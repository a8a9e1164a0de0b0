import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { configForFolder, loadRunConfig, train } from "@corella/alignment";
import type { ProgressListener } from "@corella/engine";
import { CorellaError, formatError } from "@corella/errors";
import { formatTable } from "@corella/evaluation";
import { writeFileAtomic } from "@corella/safetensors";
import { duration, listenForInterruption } from "@corella/terminal";
import { Command } from "commander";
import { MetricsLog } from "./metrics-log.ts";
import { createProgress } from "./progress.ts";
import { evaluateTest, runReport, verdict } from "./report.ts";

interface Options {
  readonly config: string;
  readonly set: string[];
  readonly name?: string;
  readonly resume: boolean;
  readonly runs: string;
  readonly cache: string;
}

const command = new Command("train")
  .description(
    "From an interaction log to a bundle of CRM, tuned LLM and router, with test figures and a report.",
  )
  .option("--config <file>", "configuration", "configs/movietweetings.yaml")
  .option(
    "--set <path.to.key=value>",
    "change a setting; may be repeated",
    (value, all: string[]) => [...all, value],
    [],
  )
  .option(
    "--name <name>",
    "folder under --runs; default: the configuration's name, numbered when it is taken",
  )
  .option("--resume", "go on with the run of this name where it was interrupted", false)
  .option("--runs <folder>", "where runs are kept", "runs")
  .option("--cache <folder>", "where prepared data are kept and found again", ".cache/data")
  .showHelpAfterError()
  .action(run);

async function run(options: Options): Promise<void> {
  const loaded = await loadRunConfig(options.config, [
    ...options.set,
    ...(options.name === undefined ? [] : [`name=${options.name}`]),
  ]);
  const { folder, config } = chooseFolder(options, loaded.config);
  await mkdir(folder, { recursive: true });
  const configText = configForFolder({ ...loaded, config }, folder);
  await writeFileAtomic(join(folder, "config.yaml"), configText);

  const interruption = listenForInterruption(process.stderr);

  const progress = createProgress(process.stderr);
  const metrics = new MetricsLog(join(folder, "metrics.jsonl"));
  const timings: [string, string][] = [];
  const startedMs = performance.now();
  try {
    const result = await train(config, {
      baseFolder: loaded.baseFolder,
      runFolder: folder,
      cacheFolder: options.cache,
      configText,
      listener: listeners(progress, metrics, timings),
      signal: interruption.signal,
    });
    progress.stop();
    const evaluation = evaluateTest(result, config.seed);
    for (const { name, auc, logLoss, accuracy } of evaluation.rows) {
      metrics.add({
        phase: "test",
        model: name,
        auc: auc.estimate,
        logLoss: logLoss.estimate,
        accuracy: accuracy.estimate,
      });
    }
    await metrics.flush();
    timings.push(["all", duration(performance.now() - startedMs)]);
    const report = join(folder, "report.html");
    await writeFileAtomic(report, runReport(config, configText, result, evaluation, timings));
    process.stdout.write(`\n${formatTable(evaluation)}\n\n${verdict(evaluation)}\n`);
    const next = `pnpm serve --bundle ${result.bundleFolder}`;
    process.stdout.write(`Report: ${report}\nBundle: ${result.bundleFolder}   (serve it: ${next})\n`);
  } finally {
    progress.stop();
    await metrics.flush();
    interruption.stop();
  }
}

/** A fresh folder, or the one to go on with. Nothing that a run has learned is ever overwritten. */
function chooseFolder<Config extends { readonly name: string }>(
  options: Options,
  config: Config,
): { folder: string; config: Config } {
  const folderOf = (name: string): string => join(options.runs, name);
  const isTaken = (name: string): boolean =>
    ["checkpoints", "bundle"].some((part) => existsSync(join(folderOf(name), part)));
  const choose = (name: string): { folder: string; config: Config } => ({
    folder: folderOf(name),
    config: { ...config, name },
  });
  // Without --name a taken name is numbered: movietweetings, movietweetings-2, ...
  const names = [config.name];
  while (options.name === undefined && isTaken(names.at(-1)!))
    names.push(`${config.name}-${names.length + 1}`);
  if (options.resume) {
    const latest = names.findLast(isTaken);
    if (latest !== undefined) return choose(latest);
    throw new CorellaError({
      code: "train/nothing-to-resume",
      message: `There is no run ${config.name} that was interrupted.`,
      place: folderOf(config.name),
      remedy: "Start it without --resume.",
    });
  }
  const fresh = names.at(-1)!;
  if (!isTaken(fresh)) return choose(fresh);
  throw new CorellaError({
    code: "train/run-exists",
    message: `There is a run ${fresh} already.`,
    place: folderOf(fresh),
    remedy: "Choose another --name, or go on with it by --resume.",
  });
}

function listeners(
  progress: ProgressListener,
  metrics: MetricsLog,
  timings: [string, string][],
): ProgressListener {
  let startedMs = 0;
  let title = "";
  const finish = (): void => {
    if (title !== "") timings.push([title, duration(performance.now() - startedMs)]);
    title = "";
  };
  return {
    note: (text) => progress.note?.(text),
    phaseStarted(phase) {
      finish();
      startedMs = performance.now();
      title = phase.title;
      metrics.rewind(phase.name, phase.step);
      progress.phaseStarted?.(phase);
    },
    stepDone(phase, step, loss) {
      if (Number.isFinite(loss)) metrics.add({ phase, step, loss });
      progress.stepDone?.(phase, step, loss);
    },
    validated(phase, look, best) {
      metrics.add({
        phase,
        step: look.step,
        validationAuc: look.score,
        validationLogLoss: look.figures!["logLoss"]!,
      });
      return progress.validated?.(phase, look, best);
    },
    phaseEnded(result) {
      progress.phaseEnded?.(result);
      finish();
    },
  };
}

try {
  await command.parseAsync();
} catch (error) {
  process.stderr.write(`${formatError(error)}\n`);
  process.exitCode = CorellaError.isInstance(error) && error.code === "train/interrupted" ? 130 : 1;
}
