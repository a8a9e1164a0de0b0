// llama.cpp through node-llama-cpp: the answer's probabilities after each prompt, by the protocol of worker.py.
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const home = process.env.CORELLA_PEERS ?? join(homedir(), ".cache", "corella-peers");
const threads = Number(process.argv[process.argv.indexOf("--threads") + 1]);
const require = createRequire(join(home, "llama-cpp", "package.json"));
const { getLlama } = await import(pathToFileURL(require.resolve("node-llama-cpp")).href);

let llama;

async function build({ model: modelPath, sequences, share }) {
  llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    maxThreads: threads,
    logLevel: "error",
  });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 2048, batchSize: 512, threads });
  const sequence = context.getSequence();
  return async () => {
    for (const ids of sequences) {
      // With `share`, what the last prompt began with alike stays in the key and value cache.
      if (share) await sequence.adaptStateToTokens(ids.slice(0, -1));
      else await sequence.clearHistory();
      const rest = ids.slice(sequence.nextTokenIndex);
      const answers = await sequence.controlledEvaluate([
        ...rest.slice(0, -1),
        [rest.at(-1), { generateNext: { probabilities: true } }],
      ]);
      if (answers.at(-1)?.next?.probabilities === undefined) throw new Error("no probabilities");
    }
  };
}

function processorMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const contestants = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const { name, rounds, steps, settings } = JSON.parse(line);
  if (!contestants.has(name)) {
    contestants.set(name, await build(settings));
    await contestants.get(name)();
  }
  const step = contestants.get(name);
  const answer = (content) => {
    const peakMb = process.resourceUsage().maxRSS / 1024;
    process.stdout.write(`${JSON.stringify({ ...content, peakMb })}\n`);
  };
  if (rounds === 0) answer({ name, ready: true });
  for (let round = 0; round < rounds; round++) {
    if (steps > 1) await step();
    const [start, processor] = [performance.now(), processorMs()];
    for (let i = 0; i < steps; i++) await step();
    answer({ name, ms: (performance.now() - start) / steps, cpuMs: (processorMs() - processor) / steps });
  }
}
await llama?.dispose();
