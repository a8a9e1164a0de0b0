import { batchSequences, loadPretrained, packSequences } from "@corella/llm";
import { catalogueFromLog, createPrompt, loadLog, movieLens1M, recordAt, splitLog } from "@corella/modality";

/**
 * What share of the positions of batches is filling, on prompts of Template A from ML-1M.
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/padding.ts model.gguf ml-1m.zip
 */
const samples = 2000;
const batchSize = 16;

const [modelPath, dataPath] = process.argv.slice(2) as [string, string];
const data = movieLens1M(dataPath);
const log = await loadLog(data);
const { test } = splitLog(log, data);
const catalogue = catalogueFromLog(log);
const { tokenizer } = await loadPretrained(modelPath);
const stride = Math.floor(test.length / samples);

process.stdout.write(
  "| history | tokens of a prompt | as they come | by length | packed: attention | packed: linear maps | tokens saved by common prefixes |\n| --- | --- | --- | --- | --- | --- | --- |\n",
);
for (const historyLength of [5, 10]) {
  const prompt = createPrompt({ historyLength });
  const texts = Array.from({ length: samples }, (_, i) =>
    prompt.render(recordAt(log, test[i * stride]!, historyLength), catalogue).trimEnd(),
  );
  const sequences = await tokenizer!.encodeBatch(texts);
  const real = sum(sequences.map(({ length }) => length));
  const options = { maxTokens: 2048, batchSize };
  const size = ([rows, columns]: readonly number[]): number => rows! * columns!;
  const asTheyCome = sum(
    batchSequences(sequences, { ...options, sort: false }).batches.map(({ feeds }) =>
      size(feeds["tokens"]!.shape),
    ),
  );
  const byLength = sum(
    batchSequences(sequences, options).batches.map(({ feeds }) => size(feeds["tokens"]!.shape)),
  );
  const packed = packSequences(sequences, options).batches;
  const computed = sum(packed.map(({ feeds }) => feeds["tokens"]!.data.length));
  const padded = sum(
    packed.map(({ feeds }) => size(feeds["prefixPlaces"]!.shape) + size(feeds["places"]!.shape)),
  );
  const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
  const cells = [
    historyLength,
    Math.round(real / samples),
    share(asTheyCome - real, asTheyCome),
    share(byLength - real, byLength),
    share(padded - computed, padded),
    share(0, computed),
    share(real - computed, real),
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
