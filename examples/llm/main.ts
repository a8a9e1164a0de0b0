// A language model that answers yes or no, with probabilities: yours from a folder, or a tiny one taught here.
import { initialValues, onnxRuntime } from "@corella/engine";
import {
  createScorer,
  cutPrompt,
  decoder,
  loadPretrained,
  paddedFeeds,
  tinyLlamaConfig,
  trainTokenizer,
  twoWayProgram,
  yesNoIds,
} from "@corella/llm";

// Whom which film suits, in words. What holds on one day was learned on the others.
const moods = ["tired", "merry", "curious", "in love"];
const genres = ["comedy", "thriller", "documentary", "romance"];
const days = ["Monday", "Wednesday", "Friday", "Sunday"];
const question = (mood: string, genre: string, day: string): string =>
  `It is ${day}, and the user is ${mood}. Would the user like a ${genre}? Answer: `;
const suits = (mood: string, genre: string): boolean =>
  moods.indexOf(mood) === genres.indexOf(genre) || (mood === "merry" && genre !== "documentary");
const cases = moods.flatMap((mood) =>
  genres.flatMap((genre) => days.map((day) => ({ mood, genre, day, prompt: question(mood, genre, day) }))),
);

/** Trains a decoder of the Llama family from nothing on the questions of all days but Sunday. */
async function teach() {
  const taught = cases.filter(({ day }) => day !== "Sunday");
  const tokenizer = await trainTokenizer(
    cases.map(({ prompt }) => `${prompt}Yes No`),
    { vocabularySize: 400 },
  );
  const config = tinyLlamaConfig({ vocabularySize: 400, hiddenSize: 32, layers: 2, heads: 4 });
  const answers = await yesNoIds(tokenizer, taught[0]!.prompt);
  const part = decoder(config, { answers });
  const trainer = await onnxRuntime().train(twoWayProgram(part), {
    seed: 1,
    optimizer: { kind: "adam", learningRate: 0.003 },
    values: initialValues(part, 1),
  });
  // Prompts end before the space that belongs to the token " Yes".
  const tokens = await tokenizer.encodeBatch(taught.map(({ prompt }) => cutPrompt(prompt, answers)));
  const feeds = {
    ...paddedFeeds(tokens),
    label: {
      shape: [taught.length],
      data: Float32Array.from(taught, ({ mood, genre }) => (suits(mood, genre) ? 1 : 0)),
    },
  };
  for (let step = 0; step < 200; step++) await trainer.step(feeds);
  return { config, values: trainer.values, tokenizer };
}

// `npm start path/to/model`: a folder of Hugging Face, a .gguf file or hf:owner/name.
const [, , path] = process.argv;
const { config, values, tokenizer } = path === undefined ? await teach() : await loadPretrained(path);
if (tokenizer === undefined) throw new Error(`${path} has no tokenizer.json`);
const answers = await yesNoIds(tokenizer, cases[0]!.prompt);
const scorer = await createScorer({ config, values, tokenizer, answers, runtime: onnxRuntime() });

const sunday = cases.filter(({ day }) => day === "Sunday");
const scores = await scorer.score(sunday.map(({ prompt }) => prompt)); // P(yes), one each
const right = sunday.filter(({ mood, genre }, i) => scores[i]! > 0.5 === suits(mood, genre)).length;
console.log(`${right} of ${sunday.length} right`);
for (const [mood, genre] of [
  ["curious", "documentary"],
  ["tired", "thriller"],
] as const) {
  const [p] = await scorer.score([question(mood, genre, "Sunday")]);
  console.log(`${mood}, a ${genre}: ${p!.toFixed(1)}`);
}
await scorer.dispose();
