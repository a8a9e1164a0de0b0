/**
 * Test files that train or load whole models, start servers and processes or read large logs, by package: each takes
 * more than two seconds; and those that need a process of their own. In `vitest.config.ts` they are the project
 * `<package>:training`, all others `<package>`; `vitest.fast.config.ts` leaves them out.
 */
export const trainingTests: Readonly<Record<string, readonly string[]>> = {
  alignment: [
    "aligned-models.test.ts",
    "corella.test.ts",
    "dense.test.ts",
    "dry-run.test.ts",
    "experiments.test.ts",
    "offset.test.ts",
    "one-model.test.ts",
    "pretrained-chat.test.ts",
    "tune.test.ts",
  ],
  bench: ["time-to-accuracy.test.ts"],
  bundle: ["bundle.test.ts"],
  checks: [
    "documented-commands.test.ts",
    "readme.test.ts",
    "served-shapes.test.ts",
    "summary-reporter.test.ts",
  ],
  crm: ["goldens.test.ts", "models.test.ts", "train.test.ts"],
  data: ["main.test.ts"],
  engine: [
    "checkpoint.test.ts",
    "missed-steps.test.ts",
    "no-side-effects.test.ts",
    "phase.test.ts",
    "resume.test.ts",
    "worker-threads.test.ts",
  ],
  evaluate: ["main.test.ts"],
  llm: [
    "decoder.test.ts",
    "goldens.test.ts",
    "packed-decoder.test.ts",
    "recompute.test.ts",
    "variants.test.ts",
  ],
  modality: [
    "counted.test.ts",
    "crash.test.ts",
    "eight-statistics.test.ts",
    "independent.test.ts",
    "malformed.test.ts",
    "text.test.ts",
    "movielens.test.ts",
    "prepare-log.test.ts",
    "samples.test.ts",
  ],
  "op-tests": ["op-tests.test.ts"],
  parity: ["crm.test.ts", "llm.test.ts"],
  serve: ["main.test.ts"],
  train: ["main.test.ts", "metrics-log.test.ts"],
  tune: ["main.test.ts"],
};
