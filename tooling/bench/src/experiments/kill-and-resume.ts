// Kills a small training, by default of all stages, with SIGKILL at random moments, goes on with --resume until it ends, and compares the
// bundle with that of an undisturbed run, byte for byte. Usage, from the project's root:
//   node --conditions=source --import tsx tooling/bench/src/experiments/kill-and-resume.ts [kills] [seed] [recipe]
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGenerator } from "@corella/random";

const [kills, seed] = [20, 1].map((usual, at) => Number(process.argv[2 + at] ?? usual)) as [number, number];
const recipe = process.argv[4] ?? "corella";
const random = createGenerator(seed, "kills");
const main = join(import.meta.dirname, "../../../../apps/train/src/main.ts");
const folder = await mkdtemp(join(tmpdir(), "corella-kill-"));

const rows = Array.from({ length: 600 }, (_, i) => {
  const [user, item] = [i % 20, (i * 7 + Math.floor(i / 20)) % 30];
  return `${user},${item},${user % 2 === item % 2 ? 5 : 2},${1000 + i}`;
});
await writeFile(join(folder, "ratings.csv"), rows.join("\n"));
const config = join(folder, "small.yaml");
await writeFile(
  config,
  `name: small
checkpointEverySeconds: 0.05
data:
  source: { ratings: { path: ratings.csv, columns: { user: 0, item: 1, rating: 2, time: 3 } } }
  label: { threshold: 4 }
prompt: { template: "{{user_history}}{{target_item}}:", historyItem: "\\n{{title}}: {{'Yes' if liked else 'No'}}", target: "\\n{{title}}", separator: "", emptyHistory: "", historyLength: 8, historyHop: 4 }
crm: { model: DCNv2, embeddingDim: 4, crossLayers: 1, parallelUnits: [8] }
llm:
  base: { kind: scratch, vocabularySize: 300, hiddenSize: 16, layers: 2, heads: 2, keyValueHeads: 1, feedForwardSize: 32, pretraining: { steps: 30, batchSize: 4 } }
  supervision: dense
  maxTokens: 200
t5: { vocabularySize: 400, hiddenSize: 16, layers: 1, heads: 2, feedForwardSize: 32 }
textTower: { vocabularySize: 300, hiddenSize: 16, layers: 1, feedForwardSize: 32 }
stages:
  warmUp: { epochs: 5, batchSize: 32 }
  joint: { samples: 400, batchSize: 16 }
  llmAlone: { samples: 400, batchSize: 16 }
  contrastive: { samples: 400, batchSize: 16, width: 8, subspaces: 2 }
  p5: { samples: 800, batchSize: 16, candidates: 4 }
`,
);

/** Trains, for so long at most; undefined: to the end. @returns whether it ended by itself, and after how many ms */
function train(runs: string, resume: boolean, killAfterMs?: number): Promise<{ ended: boolean; ms: number }> {
  const startedMs = performance.now();
  const options = ["--config", config, "--runs", runs, "--cache", join(folder, "cache"), "--name", "run"];
  const chosen = ["--set", `recipe=${recipe}`];
  const child = spawn(
    process.execPath,
    ["--conditions=source", "--import", "tsx", main, ...options, ...chosen, ...(resume ? ["--resume"] : [])],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  return new Promise((resolve, reject) => {
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      const ms = performance.now() - startedMs;
      if (signal === "SIGKILL") resolve({ ended: false, ms });
      else if (code === 0) resolve({ ended: true, ms });
      else reject(new Error(said));
    });
  });
}

const bytesOf = (runs: string): Promise<string> =>
  readFile(join(runs, "run", "bundle", "manifest.json"), "utf8");

const undisturbed = join(folder, "whole");
const { ms } = await train(undisturbed, false);
const expected = await bytesOf(undisturbed);
process.stdout.write(`undisturbed: ${(ms / 1000).toFixed(1)} s\n`);
let killed = 0;
let unlike = 0;
for (let run = 1; killed < kills; run++) {
  const runs = join(folder, `run-${run}`);
  const moments: string[] = [];
  let resume = false;
  for (;;) {
    const after = killed < kills ? random.uniform() * ms : undefined;
    const { ended } = await train(runs, resume, after);
    if (ended) break;
    killed += 1;
    moments.push(`${(after! / 1000).toFixed(1)} s`);
    // A run that was killed before its first checkpoint begins anew.
    resume = ["checkpoints", "bundle"].some((part) => existsSync(join(runs, "run", part)));
  }
  const same = (await bytesOf(runs)) === expected;
  if (!same) unlike += 1;
  process.stdout.write(
    `run ${run}: killed after ${moments.join(", ") || "nothing"}: ${same ? "the same bytes" : "OTHER BYTES"}\n`,
  );
}
process.stdout.write(`${killed} kills, ${unlike} runs with other bytes\n`);
await rm(folder, { recursive: true });
process.exitCode = unlike === 0 ? 0 : 1;
