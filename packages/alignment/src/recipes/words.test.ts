import { crmOf, loadPredictor, openBundle } from "@corella/bundle";
import { createRuntime, initialValues, type PhaseSpec } from "@corella/engine";
import { cutPrompt } from "@corella/llm";
import { recordsAt } from "@corella/modality";
import { beforeAll, expect, test } from "vitest";
import type { RunConfig } from "../config/config.ts";
import { crmLogits } from "../crm/crm-logits.ts";
import { crmOfUnseen } from "../crm/crm-of-unseen.ts";
import { phaseKey } from "../experiments/keys.ts";
import { askingOf, renderPrompts } from "../llm/asking.ts";
import { textSamples } from "../llm/text-samples.ts";
import { probabilitiesOf } from "../predictions.ts";
import type { Run } from "../run.ts";
import type { TrainingResult } from "../train.ts";
import { objective } from "./corella.ts";
import { prefixed } from "../values.ts";
import { interruptedRun, manifestOf, smallConfig, smallRun } from "./small-run.test-helper.ts";

/** The prompt of the small run, which says the CRM's answer too. */
const config: RunConfig = {
  ...smallConfig,
  prompt: {
    ...smallConfig.prompt,
    template:
      "Rated: {{user_history}}. A model says {{crm_percent}} %. Will the user like {{target_item}}? Answer no or yes. Answer: ",
  },
};

let whole: TrainingResult;

beforeAll(async () => {
  whole = (await smallRun(config)).result;
});

test("interrupted in every phase, a run ends with the same bundle; the CRM of the earlier rows comes before stage 2", async () => {
  const { phases, manifest } = await interruptedRun(config);
  expect(phases).toEqual(["stage-1", "stage-0", "stage-3-crm", "stage-2", "stage-3"]);
  expect(manifest).toBe(await manifestOf(whole));
});

test("a Predictor of the bundle tells the LLM what its CRM says, as scoring did", async () => {
  const { test: part, data, bundleFolder } = whole;
  const bundle = await openBundle(bundleFolder);
  const predictor = await loadPredictor(bundle);
  const rows = part.rows.slice(0, 60);
  const answers = await predictor.score(recordsAt(data.log, rows, bundle), { policy: { kind: "all" } });
  await predictor.dispose();
  const [crm, llm] = [probabilitiesOf(part, "crm")!, probabilitiesOf(part, "llm")!];
  for (const [i, { pCrm, pLlm }] of answers.entries()) {
    expect(Math.abs(pCrm! - crm[i]!)).toBeLessThan(1e-6);
    expect(Math.abs(pLlm! - llm[i]!)).toBeLessThan(1e-5);
  }
});

test("where there is no CRM, or events would have to say its answer, it is refused before the first phase", async () => {
  for (const changed of [
    { ...config, recipe: "llm-only" },
    { ...config, llm: { ...config.llm, supervision: "dense" } },
  ] as const)
    await expect(smallRun(changed)).rejects.toMatchObject({ code: "config/crm-in-prompt" });
});

test("what the LLM is told of training rows is said by a CRM of the rows before them", async () => {
  const { data } = whole;
  const runtime = await createRuntime();
  const crm = crmOf(config.crm, data.featureMap);
  const [earlier, serving] = [1, 2].map((seed) => prefixed(initialValues(crm, seed), "crm."));
  let trained: PhaseSpec | undefined;
  const phase: Run["phase"] = async (_name, _title, create) => {
    trained = await create();
    return earlier!;
  };
  const run = { config, data, runtime, phase } as unknown as Run;
  const { rows, by } = await crmOfUnseen(run, crm, objective({ crm }, { llm: 0, crm: 1, calibration: 0 }));
  const { train, validation } = data.split;
  const before = train.subarray(0, train.length - rows.length);
  expect(rows.length / train.length).toBeCloseTo(0.2, 2);
  expect(data.log.time[before.at(-1)!]!).toBeLessThanOrEqual(data.log.time[rows[0]!]!);
  const { epochs, batchSize } = config.stages.warmUp;
  expect(trained!.steps).toBe(epochs * Math.ceil(before.length / batchSize));
  const known = by(serving!);
  const some = rows.subarray(0, 5);
  expect(await known.training(some)).toEqual(await crmLogits(run, crm, earlier!, some));
  const held = validation.subarray(0, 5);
  expect(await known.validation(held)).toEqual(await crmLogits(run, crm, serving!, held));
  await trained!.dispose?.();
  await trained!.trainer.dispose();
});

test("runs that hold out other rows for the prompt's per cent do not share stage 2", async () => {
  const keyOf = (of: RunConfig, heldOut: number): Promise<string> => {
    const { stages } = of;
    const changed = { ...of, stages: { ...stages, llmAlone: { ...stages.llmAlone, heldOut } } };
    return phaseKey({ config: changed, dataKey: "data", baseFolder: "." }, "stage-2");
  };
  expect(await keyOf(config, 0.3)).not.toBe(await keyOf(config, 0.2));
  expect(await keyOf(smallConfig, 0.3)).toBe(await keyOf(smallConfig, 0.2));
});

test("training prompts say the per cent of the CRM that is asked about their rows", async () => {
  const { data, bundleFolder } = whole;
  const { tokenizer, answers, ...asked } = await (await openBundle(bundleFolder)).llmAsking();
  const { prompt } = await askingOf(
    { config: { ...config, prompt: asked.prompt, llm: { ...config.llm, maxTokens: 200 } }, data },
    tokenizer,
    undefined,
  );
  const inputs = { config, data, runtime: await createRuntime() };
  const asking = { tokenizer, prompt, answers, itemVectors: undefined };
  const from = data.split.train.subarray(-20);
  const { rows, tokens } = await textSamples(inputs, asking, 5, "test", {
    from,
    // sigmoid(log 3) = 3 / 4
    crm: async (wanted) => new Map(Array.from(wanted, (row) => [row, row === wanted[0] ? Math.log(3) : 0])),
  });
  expect([...rows].every((row) => from.includes(row))).toBe(true);
  const texts = renderPrompts(data, prompt, rows, (row) => (row === rows[0] ? 0.75 : 0.5));
  expect(texts[0]).toContain("A model says 75 %.");
  expect(texts[1]).toContain("A model says 50 %.");
  const expected = await tokenizer.encodeBatch(texts.map((text) => cutPrompt(text, answers)));
  expect(tokens.map((each) => Array.from(each))).toEqual(expected.map((each) => Array.from(each)));
});
