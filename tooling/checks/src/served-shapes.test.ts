import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadRunConfig, train } from "@corella/alignment";
import { loadPredictor, openBundle } from "@corella/bundle";
import { recordsAt } from "@corella/modality";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  bookCrossing,
  criteo,
  goodreads,
  mind,
  tallrec,
  type PublishedShape,
} from "./published-shapes/shapes.ts";

// The configurations of docs/bring-your-data.md, from files as they are published to an answer.
let page: string;
let folder: string;
beforeAll(async () => {
  page = await readFile(join(import.meta.dirname, "../../../docs/bring-your-data.md"), "utf8");
  folder = await mkdtemp(join(tmpdir(), "corella-served-"));
});
afterAll(() => rm(folder, { recursive: true }));

const crmAlone = [
  "recipe=crm-only",
  "stages.warmUp.epochs=8",
  "stages.warmUp.batchSize=64",
  "stages.warmUp.learningRate=0.01",
];
const tinyLlm = [
  "llm.base={ kind: scratch, vocabularySize: 400, hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, feedForwardSize: 32, pretraining: { steps: 2, batchSize: 4, warmupSteps: 1 } }",
  "stages.llmAlone.samples=32",
  "stages.llmAlone.batchSize=16",
];

test.each<[name: string, shape: PublishedShape, settings: readonly string[]]>([
  ["book-crossing", bookCrossing, crmAlone],
  ["goodreads", goodreads, crmAlone],
  ["mind", mind, crmAlone],
  ["criteo", criteo, crmAlone],
  ["tallrec", tallrec, tinyLlm],
])("%s: from its files to answers", async (name, shape, settings) => {
  const yaml = new RegExp(`<!-- shape: ${name} -->\\s+\`\`\`yaml\\n([^]*?)\`\`\``).exec(page)![1]!;
  const baseFolder = join(folder, name);
  for (const [path, content] of Object.entries({ ...shape(), "my.yaml": yaml })) {
    await mkdir(dirname(join(baseFolder, path)), { recursive: true });
    await writeFile(join(baseFolder, path), content);
  }
  const { config } = await loadRunConfig(join(baseFolder, "my.yaml"), settings);
  const { bundleFolder, data } = await train(config, {
    baseFolder,
    runFolder: join(baseFolder, "run"),
    configText: yaml,
  });
  const bundle = await openBundle(bundleFolder);
  const predictor = await loadPredictor(bundle);
  const answers = await predictor.score(recordsAt(data.log, data.split.test, bundle));
  await predictor.dispose();
  expect(answers.length).toBeGreaterThan(20);
  const probabilities = answers.map(({ probability }) => probability);
  expect(probabilities.every((p) => p > 0 && p < 1)).toBe(true);
  expect(new Set(probabilities).size).toBeGreaterThan(10);
});
