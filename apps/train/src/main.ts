import { join } from "node:path";
import { dryRun, loadRunConfig, resolveConfig, train } from "@corella/alignment";
import type { ProgressListener } from "@corella/engine";
import { figureFiles, formatTable } from "@corella/evaluation";
import { writeFileAtomic } from "@corella/files";
import { duration, listenForInterruption, runMain } from "@corella/terminal";
import { Command, InvalidArgumentError, Option } from "commander";
import { dryRunTable } from "./dry-run.ts";
import { MetricsLog } from "./metrics-log.ts";
import { createProgress } from "./progress.ts";
import { evaluateTest, runReport, verdictOf, warningsOf } from "./report.ts";
import { openRunFolder } from "./run-folder.ts";

interface Options {
  readonly config: string;
  readonly set: string[];
  readonly name?: string;
  readonly resume: boolean;
  readonly dryRun: boolean;
  readonly intervals: "users" | "rows";
  readonly hourlyPrice?: number;
  readonly runs: string;
  readonly cache: string;
}

const command = new Command("train")
  .description(
    "From an interaction log to a bundle of CRM, tuned LLM and router (or of one model, by `recipe`), with test figures and a report.",
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
  .option(
    "--resume",
    "go on with the run of this name where it was interrupted, with the same configuration",
    false,
  )
  .addOption(
    new Option("--intervals <what>", "what the test figures' intervals draw: whole users, or single rows")
      .choices(["users", "rows"])
      .default("users"),
  )
  .option(
    "--dry-run",
    "say how long it will take and how much memory, from a few steps of each part, and train nothing",
    false,
  )
  .option("--hourly-price <money>", "of this machine: gives the money for 1,000 predictions", price)
  .option("--runs <folder>", "where runs are kept", "runs")
  .option("--cache <folder>", "where prepared data are kept and found again", ".cache/data")
  .showHelpAfterError()
  .action(run);

async function run(options: Options): Promise<void> {
  const progress = createProgress(process.stderr);
  const chosen = await loadRunConfig(options.config, [
    ...options.set,
    ...(options.name === undefined ? [] : [`name=${JSON.stringify(options.name)}`]),
  ]);
  if (options.dryRun) {
    const measured = await dryRun(chosen.config, {
      baseFolder: chosen.baseFolder,
      cacheFolder: options.cache,
      listener: progress,
    });
    process.stdout.write(`\n${dryRunTable(measured)}\n`);
    return;
  }
  const { folder, loaded, configText, release } = await openRunFolder(
    options,
    await resolveConfig(chosen, options.cache, progress.note),
  );
  const { config } = loaded;
  const interruption = listenForInterruption(process.stderr);

  const metrics = new MetricsLog(join(folder, "metrics.jsonl"));
  const timings: [string, string][] = [];
  const startedMs = performance.now();
  const watched = listeners(progress, metrics, timings);
  try {
    await writeFileAtomic(join(folder, "config.yaml"), configText);
    const result = await train(config, {
      baseFolder: loaded.baseFolder,
      runFolder: folder,
      cacheFolder: options.cache,
      configText,
      listener: watched.listener,
      signal: interruption.signal,
    });
    watched.finish();
    progress.stop();
    interruption.stop();
    const { intervals, hourlyPrice: machineHour } = options;
    const figures = evaluateTest(result, { seed: config.seed, intervals, machineHour });
    const { evaluation } = figures;
    const warnings = warningsOf(result, evaluation, config);
    metrics.rewind("test", -1);
    for (const { title, auc, logLoss, accuracy } of evaluation.rows) {
      metrics.add({
        phase: "test",
        model: title,
        auc: auc.estimate,
        logLoss: logLoss.estimate,
        accuracy: accuracy.estimate,
      });
    }
    for (const { name: feature, auc, logLoss } of result.importance?.features ?? []) {
      metrics.add({
        phase: "importance",
        feature,
        aucFall: auc.mean,
        aucDeviation: auc.deviation,
        logLossRise: logLoss.mean,
        logLossDeviation: logLoss.deviation,
      });
    }
    metrics.finish();
    timings.push(["all", duration(performance.now() - startedMs)]);
    const report = join(folder, "report.html");
    await writeFileAtomic(report, runReport(config, configText, result, figures, warnings, timings));
    for (const [name, content] of Object.entries(figureFiles(figures, "figures")))
      await writeFileAtomic(join(folder, name), content);
    const next = `pnpm serve --bundle ${result.bundleFolder}`;
    const said = verdictOf(result, evaluation);
    const lines = [
      "",
      formatTable(evaluation),
      "",
      ...(said === "" ? [] : [said]),
      `Report: ${report}`,
      `Bundle: ${result.bundleFolder}   (serve it: ${next})`,
      ...warnings.map((warning) => `warning: ${warning}`),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  } finally {
    progress.stop();
    interruption.stop();
    await release();
  }
}

function price(value: string): number {
  const number = Number(value);
  if (value.trim() !== "" && Number.isFinite(number) && number >= 0) return number;
  throw new InvalidArgumentError("It is a number of at least 0.");
}

/** What shows and keeps the progress of a run. `finish` ends the last of the timings. */
function listeners(
  progress: ProgressListener,
  metrics: MetricsLog,
  timings: [string, string][],
): { readonly listener: ProgressListener; finish(): void } {
  let startedMs = 0;
  let title = "";
  const finish = (): void => {
    if (title !== "") timings.push([title, duration(performance.now() - startedMs)]);
    title = "";
  };
  const listener: ProgressListener = {
    note: (text) => progress.note?.(text),
    phaseStarted(phase) {
      finish();
      startedMs = performance.now();
      title = phase.title;
      metrics.rewind(phase.name, phase.step);
      progress.phaseStarted?.(phase);
    },
    stepDone(phase, step, loss, terms = {}) {
      const ofLoss = Object.keys(terms).length > 0 ? { terms } : {};
      if (Number.isFinite(loss)) metrics.add({ phase, step, loss, ...ofLoss });
      progress.stepDone?.(phase, step, loss);
    },
    validated(phase, result, best) {
      metrics.add({
        phase,
        step: result.step,
        validationAuc: result.score,
        validationLogLoss: result.figures!["logLoss"]!,
      });
      return progress.validated?.(phase, result, best);
    },
    phaseEnded(result) {
      progress.phaseEnded?.(result);
      finish();
    },
  };
  return { listener, finish };
}

await runMain(() => command.parseAsync(), {
  "train/interrupted": "Go on with --resume; the run will end as if it had not been interrupted.",
});
