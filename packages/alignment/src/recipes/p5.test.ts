import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBundle } from "@corella/bundle";
import { initialValues } from "@corella/engine";
import { trainTokenizer } from "@corella/llm";
import { loadT5, saveT5, t5Params, wholeWordTable, type T5Config } from "@corella/llm/encoders";
import { expect, test } from "vitest";
import { parseRunConfig, type RunConfig } from "../config/config.ts";
import { probabilitiesOf } from "../predictions.ts";
import { smallConfig, smallRun } from "./small-run.test-helper.ts";

const config: RunConfig = { ...smallConfig, recipe: "p5" };

/** A tiny T5 as Hugging Face lays it out, without whole-word embeddings. */
async function t5Folder(): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), "corella-t5-")), "tiny");
  const tokenizer = await trainTokenizer(["like", "dislike", "user_1 item_2"], { vocabularySize: 270 });
  const t5: T5Config = {
    vocabularySize: tokenizer.vocabularySize,
    hiddenSize: 16,
    headDim: 8,
    heads: 2,
    intermediateSize: 24,
    encoderLayers: 1,
    decoderLayers: 1,
    relativeBuckets: 32,
    relativeMaxDistance: 128,
    feedForward: { activation: "geluTanh", gated: true },
    layerNormEpsilon: 1e-6,
    tieWordEmbeddings: false,
    scaleDecoderOutputs: false,
    startTokenId: 0,
    padTokenId: 0,
    endTokenId: 2,
    wholeWords: 0,
  };
  await saveT5(folder, {
    config: t5,
    tokenizer,
    values: initialValues({ params: t5Params(t5), tables: {} }, 7),
  });
  return folder;
}

test("a T5 of a folder learns all families; prompts that are too long lose history, and how many do is told", async () => {
  const folder = await t5Folder();
  const { t5 } = parseRunConfig(
    { data: smallConfig.data, t5: { folder, wholeWords: 64, maxTokens: 90 } },
    "x",
  );
  expect(t5).toMatchObject({ kind: "pretrained", maxTokens: 90 });
  const [losses, notes] = [[] as number[], [] as string[]];
  const p5 = { ...config.stages.p5, samples: 480, learningRate: 0.01, words: true };
  const { result } = await smallRun(
    { ...config, t5, testSamples: 40, stages: { ...config.stages, p5 } },
    {
      listener: {
        note: (text) => notes.push(text),
        stepDone(phase, _, loss) {
          if (phase === "p5") losses.push(loss);
        },
      },
    },
  );
  const mean = (of: number[]): number => of.reduce((sum, each) => sum + each, 0) / of.length;
  expect(losses).toHaveLength(30);
  expect(mean(losses.slice(-5))).toBeLessThan(0.7 * mean(losses.slice(0, 5)));
  expect(notes.join()).toMatch(
    /warning: \d+ of 480 prompts have more than the 90 tokens .* lose history, oldest events first.* set t5\.maxTokens/,
  );
  expect(result.test.predictions[0]!.title).toBe("P5");
  expect(new Set(probabilitiesOf(result.test, "llm")).size).toBeGreaterThan(10);
  // What is served asks the first question of its family, with the titles that the configuration tells.
  const bundle = await openBundle(result.bundleFolder);
  expect(bundle.llmKind).toBe("t5");
  expect(bundle.prompt!.template).toContain("like or dislike");
  expect(bundle.prompt!.target).toContain("{{title}}");
  // The table of words began at zero, and was learned.
  const { values } = await loadT5(join(result.bundleFolder, "t5"));
  expect(values[wholeWordTable]!.some((x) => x !== 0)).toBe(true);
  expect(JSON.parse(await readFile(join(result.bundleFolder, "bundle.json"), "utf8"))).toMatchObject({
    maxTokens: 90,
  });
});

test("a prompt that retrieves is refused before the first phase: no model is there yet", async () => {
  const phases: string[] = [];
  const listener = { phaseStarted: ({ name }: { name: string }) => phases.push(name) };
  const asked = { ...config, prompt: { ...config.prompt, retrieval: "llm" as const } };
  await expect(smallRun(asked, { listener })).rejects.toMatchObject({ code: "config/retrieval" });
  expect(phases).toEqual([]);
});
