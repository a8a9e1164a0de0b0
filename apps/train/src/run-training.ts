import { join } from "node:path";
import type { LoadedConfig, TrainingOptions, TrainingResult } from "@corella/alignment";
import type { ProgressListener } from "@corella/engine";
import { figureFiles, formatTable } from "@corella/evaluation";
import { writeFileAtomic } from "@corella/files";
import { duration, listenForInterruption } from "@corella/terminal";
import { MetricsLog } from "./metrics-log.ts";
import { evaluateTest, runReport, verdictOf, warningsOf } from "./report.ts";
import type { RunFolder } from "./run-folder.ts";

/** How a run is watched and what is said of it at its end. */
export interface RunOptions {
  readonly progress: ProgressListener & { stop(): void };
  /** Prepared data are kept here and found again. */
  readonly cache: string;
  readonly intervals: "users" | "rows";
  /** Of this machine. */
  readonly hourlyPrice?: number | undefined;
}

/**
 * Trains in the folder of a run, from its configuration to figures, report and bundle, and lets the folder go.
 * @param train gets what the folder and the command line say
 */
export async function runTraining(
  { folder, loaded, configText, release }: RunFolder,
  { progress, cache, intervals, hourlyPrice: machineHour }: RunOptions,
  train: (
    config: LoadedConfig["config"],
    options: TrainingOptions & { cacheFolder: string },
  ) => Promise<TrainingResult>,
): Promise<void> {
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
      cacheFolder: cache,
      configText,
      listener: watched.listener,
      signal: interruption.signal,
    });
    watched.finish();
    progress.stop();
    interruption.stop();
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
      metrics.begin(phase);
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
