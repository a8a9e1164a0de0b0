import { onnxRuntime, type Precision, type Program } from "@corella/engine";
import { quantizationError } from "@corella/engine/testing";
import { createGenerator } from "@corella/random";
import { CorellaError } from "@corella/errors";
import { createScorer, decoder, loadPretrained, yesNoIds } from "@corella/llm";

/**
 * What precisions do to P(yes) of a real model on 50 prompts.
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/scoring-precision.ts model.gguf
 */
const titles = [
  "Heat (1995)",
  "Ronin (1998)",
  "Up (2009)",
  "Saw (2004)",
  "Alien (1979)",
  "Amelie (2001)",
  "Brazil (1985)",
  "Casablanca (1942)",
  "Dune (2021)",
  "Fargo (1996)",
  "Gravity (2013)",
  "Her (2013)",
  "Inception (2010)",
  "Jaws (1975)",
  "Memento (2000)",
  "Metropolis (1927)",
  "Parasite (2019)",
  "Psycho (1960)",
  "Rocky (1976)",
  "Solaris (1972)",
  "The Matrix (1999)",
  "Toy Story (1995)",
  "Vertigo (1958)",
  "Whiplash (2014)",
];
const promptCount = 50;
const precisions: readonly Precision[] = ["float16", "int8", "int4"];

const random = createGenerator(1, "prompts");
const prompts = Array.from({ length: promptCount }, () => {
  const pick = (): string => titles[random.integer(titles.length)]!;
  const history = Array.from({ length: 3 + random.integer(8) }, pick).join(", ");
  return `A user liked these movies: ${history}. Will the user like the movie ${pick()}? Answer Yes or No. Answer: `;
});

const path = process.argv[2];
if (path === undefined) {
  throw new CorellaError({
    code: "bench/argument",
    message: "Which model is to be scored?",
    remedy: "Give a .gguf file or a folder in Hugging Face's layout.",
  });
}
const model = await loadPretrained(path);
const { config, values } = model;
const tokenizer = model.tokenizer!;
const answers = await yesNoIds(tokenizer, prompts[0]!);
const part = decoder(config, { answers });
const program: Program = {
  ...part,
  forward: (scope) => ({ outputs: { logits: part.forward(scope).yesNoLogits } }),
};
const runtime = onnxRuntime({ threads: 2, spinning: false });

async function probabilities(precision: Precision | undefined): Promise<Float32Array> {
  const scorer = await createScorer({
    config,
    values,
    tokenizer,
    answers,
    runtime,
    ...(precision === undefined ? {} : { precision: () => precision }),
  });
  const scores = await scorer.score(prompts);
  await scorer.dispose();
  return scores;
}

const exact = await probabilities(undefined);
const sorted = [...exact].sort((a, b) => a - b);
process.stdout.write(
  `P(yes) in float32: ${sorted[0]!.toFixed(4)} to ${sorted.at(-1)!.toFixed(4)}, median ${sorted[promptCount / 2]!.toFixed(4)}\n\n`,
);
process.stdout.write(
  "| precision | weights, MB | relative error of weights, mean (largest) | mean difference of P(yes) | largest | pairs ordered as in float32 |\n| --- | --- | --- | --- | --- | --- |\n",
);
for (const precision of precisions) {
  const errors = Object.values(quantizationError(program, values, () => precision));
  const matrices = errors.filter((error) => error.precision === precision);
  const megabytes = errors.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
  const relative = matrices.map(({ relativeError }) => relativeError);
  const scores = await probabilities(precision);
  const differences = Array.from(scores, (score, i) => Math.abs(score - exact[i]!));
  let ordered = 0;
  let pairs = 0;
  for (let i = 0; i < promptCount; i++) {
    for (let j = 0; j < i; j++) {
      pairs += 1;
      if (Math.sign(exact[i]! - exact[j]!) === Math.sign(scores[i]! - scores[j]!)) ordered += 1;
    }
  }
  const cells = [
    precision,
    megabytes.toFixed(0),
    `${mean(relative).toExponential(1)} (${Math.max(...relative).toExponential(1)})`,
    mean(differences).toExponential(1),
    Math.max(...differences).toExponential(1),
    `${((100 * ordered) / pairs).toFixed(1)} %`,
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
