import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialValues } from "@corella/engine";
import { trainTokenizer } from "@corella/llm";
import { bertEncoder } from "@corella/llm/encoders";
import { writeSafetensors } from "@corella/safetensors";
import { expect, test } from "vitest";
import { parseRunConfig, type RunConfig } from "../config/config.ts";
import { probabilitiesOf } from "../predictions.ts";
import { smallConfig, smallRun } from "./small-run.test-helper.ts";

const config: RunConfig = { ...smallConfig, recipe: "ctrl" };

/** A tiny BERT as Hugging Face lays it out. */
async function bertFolder(): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), "corella-bert-")), "tiny");
  await mkdir(folder);
  const tokenizer = await trainTokenizer(["Does the user like the film?"], { vocabularySize: 270 });
  const shape = { vocabularySize: 270, hiddenSize: 12, intermediateSize: 24, layers: 1, heads: 2 };
  const { params } = bertEncoder({
    ...shape,
    maxPositions: 64,
    tokenTypes: 2,
    activation: "gelu",
    pooler: false,
    layerNormEpsilon: 1e-12,
    initializerRange: 0.02,
    padTokenId: 0,
  });
  const values = initialValues({ params, tables: {} }, 7);
  await writeSafetensors(
    join(folder, "model.safetensors"),
    Object.fromEntries(
      Object.entries(params).map(([name, spec]) => [
        name,
        { dtype: "F32" as const, shape: spec.shape as number[], data: values[name] as Float32Array },
      ]),
    ),
  );
  await writeFile(join(folder, "tokenizer.json"), tokenizer.json);
  await writeFile(
    join(folder, "config.json"),
    JSON.stringify({
      model_type: "bert",
      vocab_size: 270,
      hidden_size: 12,
      intermediate_size: 24,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      max_position_embeddings: 64,
    }),
  );
  return folder;
}

test("stage 1 teaches texts to find their features, and changes where stage 2 begins", async () => {
  const losses: number[] = [];
  const notes: string[] = [];
  const longer = {
    ...config,
    stages: {
      ...config.stages,
      contrastive: { ...config.stages.contrastive, epochs: 12, learningRate: 0.01 },
    },
  };
  const { result } = await smallRun(longer, {
    listener: {
      note: (text) => notes.push(text),
      stepDone(phase, _, loss) {
        if (phase === "contrastive") losses.push(loss);
      },
    },
  });
  const mean = (of: number[]): number => of.reduce((sum, each) => sum + each, 0) / of.length;
  // By chance it is the logarithm of the batch's size.
  expect(mean(losses.slice(0, 2))).toBeGreaterThan(Math.log(16));
  expect(mean(losses.slice(-4))).toBeLessThan(0.7 * Math.log(16));
  const { result: alone } = await smallRun({ ...config, recipe: "crm-only" });
  expect(probabilitiesOf(result.test, "crm")).not.toEqual(probabilitiesOf(alone.test, "crm"));
  expect(result.test.predictions[0]!.title).toBe("CTRL, DCNv2");
  expect(notes.join()).not.toContain("text tower");
});

test("the encoder may be a pre-trained one, whose own weights move on", async () => {
  const folder = await bertFolder();
  const textTower = { ...parseRunConfig({ ...given, textTower: { folder } }, "x").textTower, maxTokens: 48 };
  const notes: string[] = [];
  const { result } = await smallRun(
    { ...config, textTower },
    { listener: { note: (text) => notes.push(text) } },
  );
  expect(notes.join()).toMatch(
    /warning: 128 of 128 texts looked at have more than the 48 tokens .* set textTower.maxTokens/,
  );
  expect(result.phases.map(({ name }) => name)).toEqual(["contrastive", "crm-aligned"]);
  await expect(smallRun({ ...config, textTower: { ...textTower, maxTokens: 65 } })).rejects.toMatchObject({
    code: "config/text-tower",
    place: "textTower.maxTokens",
  });
});

test.each([
  [{ retrieval: "llm" }, "config/retrieval"],
  [{ template: "{{crm_percent}} {{target_item}}" }, "config/crm-in-prompt"],
] as const)(
  "a prompt of %o is refused before the first stage: no model is there yet",
  async (prompt, code) => {
    const phases: string[] = [];
    const run = smallRun(
      { ...config, prompt: { ...config.prompt, ...prompt } },
      { listener: { phaseStarted: ({ name }) => phases.push(name) } },
    );
    await expect(run).rejects.toMatchObject({ code });
    expect(phases).toEqual([]);
  },
);

const given = { data: smallConfig.data };
