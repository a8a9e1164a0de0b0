import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadRunConfig, prepareData, sampledTestRows } from "@corella/alignment";
import { createLlmPrompt, openBundle, openLlmLane } from "@corella/bundle";
import { cutPrompt } from "@corella/llm";
import { recordsAt } from "@corella/modality";

/**
 * What a bundle's LLM says of samples of the test part, with the token ids of their prompts: for a comparison with transformers and PEFT
 * (`tooling/reference/trl-end-to-end`).
 *
 *     node --conditions=source --import tsx tooling/bench/src/experiments/bundle-answers.ts runs/mine asked.json [samples] [cache]
 */
const [run, out, samples = "32", cacheFolder = ".cache/data"] = process.argv.slice(2) as [
  string,
  string,
  string?,
  string?,
];
const { config, baseFolder } = await loadRunConfig(join(run, "config.yaml"));
const data = await prepareData({ ...config, recipe: "llm-only" }, baseFolder, cacheFolder);
const bundle = await openBundle(join(run, "bundle"));
const asking = await bundle.llmAsking();
const rows = sampledTestRows(data.log, data.split.test, Number(samples));
const records = recordsAt(data.log, rows, createLlmPrompt(asking));
const prompt = createLlmPrompt(asking);
const tokens = await asking.tokenizer.encodeBatch(
  records.map((record) =>
    cutPrompt(prompt.render(record, data.catalogue, asking.statistics), asking.answers),
  ),
);
const lane = await openLlmLane(bundle);
const probabilities = await lane.score(records);
await lane.dispose();
const { yes, no } = asking.answers;
const asked = tokens.map((ids, i) => ({ tokens: ids, probability: probabilities[i] }));
await writeFile(out, JSON.stringify({ answers: { yes, no }, samples: asked }));
process.stdout.write(`${asked.length} samples in ${out}\n`);
