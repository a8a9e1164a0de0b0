// Seconds until the validation AUC passes LightGBM's best on the same columns and threads, LightGBM's and ours in turn.
// node --conditions=source --import tsx tooling/bench/src/experiments/time-to-accuracy.ts configs/ml-1m.yaml --help
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { loadRunConfig } from "@corella/alignment";
import { createRuntime } from "@corella/engine";
import { Command } from "commander";
import { positiveInteger, report, runCommand } from "../command-line.ts";
import { runPeer } from "../peer.ts";
import { writeParts } from "../programs/parts.ts";
import { timeToAccuracy, type TimeToAccuracy } from "../programs/time-to-accuracy.ts";
import { median } from "../rounds.ts";

interface Options {
  readonly set: string[];
  readonly settings: string;
  readonly columns: string;
  readonly threads: number;
  readonly validationsPerEpoch: number;
  readonly rounds: number;
  readonly cache: string;
}

/** What `lightgbm_parts.py` says of a training. */
interface PeerLine {
  readonly part: "seeds" | "mean" | "search";
  readonly rounds: number;
  readonly seconds: number;
  readonly secondsToBest: number;
  readonly binningSeconds: number;
  readonly validation: { readonly auc: number };
}

const command = new Command("time-to-accuracy")
  .description(
    "Trains LightGBM with given settings, then the CRM of the configuration until its validation AUC passes LightGBM's best. " +
      "Left out on both sides: reading, statistics, encoding samples and LightGBM's binning (told beside). " +
      "On both sides the clock runs from the call of the training, validations included. One JSON line.",
  )
  .argument("<config>", "the run's configuration")
  .option(
    "--set <path.to.key=value>",
    "change a setting of the configuration; may be repeated",
    (value, all: string[]) => [...all, value],
    [],
  )
  .option("--settings <json>", "LightGBM's, as lightgbm_parts.py prints them", "{}")
  .option("--columns <name>", "that LightGBM gets: all, no-user, no-ids or statistics", "all")
  .option("--threads <count>", "of each side", positiveInteger, 2)
  .option("--validations-per-epoch <count>", "of ours; LightGBM validates each round", positiveInteger, 4)
  .option("--rounds <count>", "how often both are trained, in turn", positiveInteger, 1)
  .option("--cache <folder>", "where prepared data are kept and found again", ".cache/bench/time-to-accuracy")
  .exitOverride();

await runCommand(command, 1, (argument) => run(argument, command.opts<Options>()));

async function run(path: string, options: Options): Promise<void> {
  const { settings, columns, threads, validationsPerEpoch, rounds } = options;
  const loaded = await loadRunConfig(path, options.set);
  const { config } = loaded;
  const folder = resolve(options.cache, config.name);
  await mkdir(folder, { recursive: true });
  report("preparing");
  const data = await writeParts(loaded, folder);
  const runtime = await createRuntime({ ...config.runtime, threads });

  const peers: PeerLine[] = [];
  const ours: TimeToAccuracy[] = [];
  for (let round = 1; round <= rounds; round++) {
    report(`round ${round} of ${rounds}: LightGBM`);
    const commandLine = [
      folder,
      "--columns",
      columns,
      "--settings",
      settings,
      "--trials",
      "0",
      "--seeds",
      "1",
    ];
    const peer = runPeer<PeerLine>("lightgbm_parts.py", commandLine, threads).find(
      ({ part }) => part === "seeds",
    )!;
    const target = peer.validation.auc;
    report(`  ${target.toFixed(4)} after ${peer.secondsToBest} s`);
    peers.push(peer);
    const time = await timeToAccuracy(config, data, runtime, {
      target,
      validationsPerEpoch,
      report: ({ seconds, epoch, auc }) =>
        report(`  ours: epoch ${epoch.toFixed(2)}, ${seconds.toFixed(1)} s: ${auc.toFixed(4)}`),
    });
    ours.push(time);
  }
  print({ config, columns, threads, peers, ours });
}

interface Measured {
  readonly config: { readonly name: string; readonly crm: { readonly model: string } };
  readonly columns: string;
  readonly threads: number;
  readonly peers: readonly PeerLine[];
  readonly ours: readonly TimeToAccuracy[];
}

/** Medians over rounds. Ours is null as soon as one round did not pass. */
function print({ config, columns, threads, peers, ours }: Measured): void {
  const peer = median(peers.map(({ secondsToBest }) => secondsToBest));
  const passed = ours.map(({ seconds }) => seconds).filter((seconds) => seconds !== null);
  const own = passed.length === ours.length ? median(passed) : null;
  const result = {
    name: `time-to-accuracy/${config.name}/${config.crm.model}`,
    target: peers[0]!.validation.auc,
    ours: own === null ? null : rounded(own),
    peer: rounded(peer),
    ratio: own === null ? null : rounded(peer / own),
    unit: "s",
    rounds: ours.length,
    threads,
    epochs: rounded(median(ours.map(({ epochs }) => epochs))),
    bestAuc: Math.max(...ours.flatMap(({ validations }) => validations.map(({ auc }) => auc))),
    buildSeconds: rounded(median(ours.map(({ buildSeconds }) => buildSeconds))),
    spread: { ours: passed.map(rounded), peer: peers.map(({ secondsToBest }) => secondsToBest) },
    lightgbm: {
      columns,
      rounds: peers[0]!.rounds,
      wholeSeconds: median(peers.map(({ seconds }) => seconds)),
      binningSeconds: median(peers.map(({ binningSeconds }) => binningSeconds)),
    },
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
