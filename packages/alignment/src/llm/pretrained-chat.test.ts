import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPredictor, openBundle } from "@corella/bundle";
import { initialValues } from "@corella/engine";
import { decoder, savePretrained, tinyLlamaConfig, trainTokenizer } from "@corella/llm";
import { recordAt } from "@corella/modality";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRunConfig } from "../config/config.ts";
import { probabilitiesOf } from "../predictions.ts";
import { train } from "../train.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "corella-chat-run-"));
  const rows = Array.from(
    { length: 120 },
    (_, i) => `${i % 6},${(i * 7) % 11},${1 + ((i * 3) % 5)},${1000 + i}`,
  );
  await writeFile(join(folder, "ratings.csv"), rows.join("\n"));
  // An instruct model: a decoder, its tokenizer, its chat format.
  const tokenizer = await trainTokenizer(["user assistant Answer: Yes", "Answer: No 1 2 3"], {
    vocabularySize: 300,
  });
  const config = tinyLlamaConfig({
    vocabularySize: 300,
    hiddenSize: 16,
    layers: 2,
    heads: 2,
    maxPositions: 400,
  });
  const values = initialValues(decoder(config, { answers: { yes: 5, no: 6 } }), 1);
  await savePretrained(join(folder, "model"), config, values, tokenizer);
  const template =
    "{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<s>assistant\n{% endif %}";
  await writeFile(join(folder, "model", "chat_template.jinja"), template);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("an instruct model is tuned in its own chat format, and its bundle asks it so", async () => {
  const config = parseRunConfig(
    {
      name: "chat",
      data: {
        source: { ratings: { path: "ratings.csv", columns: { user: 0, item: 1, rating: 2, time: 3 } } },
        label: { threshold: 4 },
        history: { maxLength: 3 },
      },
      features: [{ name: "item", type: "categorical", field: "item" }],
      prompt: { historyLength: 1 },
      crm: { model: "DCNv2", embeddingDim: 4, crossLayers: 1, parallelUnits: [4] },
      llm: {
        base: { kind: "pretrained", folder: "model", chat: true, system: "Judge." },
        answers: { yes: "Like", no: "Dislike" },
        maxTokens: 380,
      },
      stages: {
        warmUp: { epochs: 1, batchSize: 64 },
        joint: { samples: 8, batchSize: 8, projection: { width: 4 } },
        llmAlone: { samples: 8, batchSize: 8 },
      },
    },
    "chat.yaml",
  );
  const result = await train(config, {
    baseFolder: folder,
    runFolder: join(folder, "run"),
    configText: "name: chat\n",
  });
  const bundle = await openBundle(result.bundleFolder);
  const { tokenizer, answers } = await bundle.llmAsking();
  expect(tokenizer.chat).toEqual({
    before: "<s>system\nJudge.</s><s>user\n",
    after: "</s><s>assistant\n",
    system: "Judge.",
  });
  // No space: the answer follows the turn's line break.
  expect(tokenizer.tokenOf(answers.yes)).toMatch(/^L/);
  expect(tokenizer.tokenOf(answers.no)).toMatch(/^D/);
  const written = JSON.parse(
    await readFile(join(result.bundleFolder, "llm/tokenizer_config.json"), "utf8"),
  ) as object;
  expect(written).toMatchObject({ bos_token: "<s>", chat_template: expect.stringContaining("assistant") });
  const records = Array.from(result.test.rows, (row) => recordAt(result.data.log, row));
  const predictor = await loadPredictor(bundle);
  const answered = await predictor.score(records, { policy: { kind: "all" } });
  await predictor.dispose();
  answered.forEach((answer, i) =>
    expect(answer.pLlm).toBeCloseTo(probabilitiesOf(result.test, "llm")![i]!, 6),
  );
});
