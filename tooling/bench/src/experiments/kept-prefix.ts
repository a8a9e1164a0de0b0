// What a user's next request costs where keys and values of the last one were kept: after one more event, and many candidates.
// kept-prefix.ts <model.gguf> <ml-1m.zip> [threads]
import { onnxRuntime } from "@corella/engine";
import { CorellaError } from "@corella/errors";
import { createScorer } from "@corella/llm";
import { realPrompts } from "../programs/real-prompts.ts";

const [modelPath, dataPath, threads = "2"] = process.argv.slice(2);
if (modelPath === undefined || dataPath === undefined) {
  throw new CorellaError({
    code: "bench/argument",
    message: "Which model reads which users' events?",
    remedy: "Give a .gguf file or model folder, and MovieLens-1M's zip file.",
  });
}
const prompts = await realPrompts(modelPath, dataPath);
const { config, values } = prompts.model;
const answers = { ...prompts.answers, dangling: "", appended: "" };
const options = {
  config,
  values,
  tokenizer: prompts.tokenizer,
  answers,
  runtime: onnxRuntime({ threads: Number(threads) }),
};
const plain = await createScorer(options);
const kept = await createScorer({ ...options, prefixCacheBytes: 256e6 });
const users = 12;
const longest = 24;
const windows = prompts.windows(users, longest);

const timed = async (run: () => Promise<Float32Array>): Promise<{ ms: number; scores: Float32Array }> => {
  const startedMs = performance.now();
  const scores = await run();
  return { ms: performance.now() - startedMs, scores };
};
const middle = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

for (const events of [5, 10, 20]) {
  const ratios: number[] = [];
  const [before, after]: [number[], number[]] = [[], []];
  let apart = 0;
  for (let user = 0; user < users; user++) {
    const of = windows.slice(user * longest, (user + 1) * longest);
    await kept.score([of[events - 1]!]);
    const whole = await timed(() => plain.score([of[events]!]));
    const next = await timed(() => kept.score([of[events]!]));
    apart = Math.max(apart, Math.abs(whole.scores[0]! - next.scores[0]!));
    before.push(whole.ms);
    after.push(next.ms);
    ratios.push(whole.ms / next.ms);
  }
  const line = {
    name: "next-request",
    events,
    plainMs: Math.round(middle(before)),
    keptMs: Math.round(middle(after)),
    ratio: Number(middle(ratios).toFixed(2)),
    spread: [Math.min(...ratios), Math.max(...ratios)].map((ratio) => Number(ratio.toFixed(2))),
    largestDifference: apart,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const candidates = prompts.candidates(50, 20);
await kept.score(candidates.slice(0, 1));
const whole = await timed(() => plain.score(candidates));
const next = await timed(() => kept.score(candidates));
process.stdout.write(
  `${JSON.stringify({
    name: "rank-50",
    plainMs: Math.round(whole.ms),
    keptMs: Math.round(next.ms),
    ratio: Number((whole.ms / next.ms).toFixed(2)),
    largestDifference: Math.max(...whole.scores.map((p, i) => Math.abs(p - next.scores[i]!))),
  })}\n`,
);
await Promise.all([plain.dispose(), kept.dispose()]);
