import type { Runtime } from "@corella/engine";
import { tinyLlamaConfig, toHuggingFace } from "@corella/llm";
import type { BenchCase, Rival } from "../contestant.ts";
import { denseStep, lookupStep } from "../programs/dcnv2.ts";
import { loraStep, scoring } from "../programs/llama.ts";
import { gigaFlop, product, type ProductShape } from "../programs/product.ts";
import { tableStep } from "../programs/table-rows.ts";

const dcn = {
  batch: 4096,
  fields: 10,
  dim: 32,
  crossLayers: 3,
  units: [400, 400, 400],
  learningRate: 1e-3,
} as const;
/** Rows of each of the ten tables: few, so that torch's update of all rows costs it little. */
const dcnRows = 1000;

/** The shape of SmolLM2-135M. */
const llama135m = tinyLlamaConfig({
  vocabularySize: 49_152,
  hiddenSize: 576,
  intermediateSize: 1536,
  layers: 30,
  heads: 9,
  keyValueHeads: 3,
  maxPositions: 2048,
});
const tokens = { batch: 4, time: 128 } as const;
const gainNote = "both sides are ours: ratio is the gain over float32";
/** Where the products read each weight for one row only. */
const oneToken = { batch: 1, time: 1 } as const;
const lora = { rank: 8, alpha: 16, learningRate: 1e-4 } as const;

function precisions(
  names: readonly [string, string],
  script: string,
  settings: Readonly<Record<string, unknown>>,
): Rival[] {
  return names.map((name, i) => ({ name, peer: { script, settings: { ...settings, bf16: i === 1 } } }));
}

function transformers(
  prefix: string,
  task: "lora" | "score",
  more: Readonly<Record<string, unknown>>,
): Rival[] {
  const settings = { task, config: toHuggingFace(llama135m), ...tokens, ...more };
  return precisions([`${prefix}-fp32`, `${prefix}-bf16`], "transformers_llama.py", settings);
}

/** The largest product of a DCNv2 step. */
const dcnProduct: ProductShape = { rows: dcn.batch, inputs: 400, outputs: 400 };

/** Of a DCNv2 step: each layer's product forward, and as many operations again for each of its two gradients. */
function dcnGigaFlop(): number {
  const width = dcn.fields * dcn.dim;
  const layers = [
    ...Array.from({ length: dcn.crossLayers }, () => [width, width] as const),
    ...dcn.units.map((size, i) => [dcn.units[i - 1] ?? width, size] as const),
    [width + dcn.units.at(-1)!, 1] as const,
  ];
  return layers.reduce(
    (sum, [inputs, outputs]) => sum + 3 * gigaFlop({ rows: dcn.batch, inputs, outputs }),
    0,
  );
}

/** Step time of a smaller DCNv2 against the number of a table's rows; the rival is ours with 10^4 rows. */
function tableCase(rows: number, ids: "spread" | "uniform"): BenchCase {
  const smallest = 10_000;
  const shape = { ...dcn, dim: 16 };
  return {
    name: `table-rows-${ids}-1e${Math.log10(rows)}`,
    what: `our DCNv2 step with a shared table of ${rows} rows x 16 against 10^4 rows, ids ${ids}`,
    subject: (runtime) => tableStep(runtime, shape, rows, ids),
    rivals: [
      {
        name: "ours-1e4",
        own: (runtime) => tableStep(runtime, shape, smallest, ids),
        note: "both sides are ours: 1 / ratio is the growth over 10^4 rows",
      },
    ],
    steps: 5,
  };
}

/** @param huge also 10^8 rows, which take 13 GB */
export function engineCases(huge: boolean): BenchCase[] {
  return [
    {
      name: "product",
      what: "a product 4096 x 400 x 400: the machine's limit",
      subject: (runtime) => product(runtime, dcnProduct),
      rivals: [{ name: "torch-fp32", peer: { script: "torch_product.py", settings: { ...dcnProduct } } }],
      steps: 20,
      perStep: { unit: "GFLOP", count: gigaFlop(dcnProduct) },
    },
    {
      name: "dcnv2-step",
      what: "DCNv2 training step on given vectors, batch 4096, 10 fields x 32",
      subject: (runtime) => denseStep(runtime, dcn),
      rivals: precisions(["torch-fp32", "torch-bf16"], "torch_dcnv2.py", { ...dcn, rows: 0 }),
      steps: 5,
      perStep: { unit: "GFLOP", count: dcnGigaFlop() },
    },
    {
      name: "dcnv2-lookup-step",
      what: "the same with ten embedding tables of 1,000 rows",
      subject: (runtime) => lookupStep(runtime, dcn, dcnRows),
      rivals: precisions(["torch-fp32", "torch-bf16"], "torch_dcnv2.py", { ...dcn, rows: dcnRows }).map(
        (rival) => ({ ...rival, note: "torch updates all rows, ours those of the batch" }),
      ),
      steps: 5,
    },
    {
      name: "lora-step",
      what: "LoRA step, 135M Llama, 4 x 128 tokens",
      subject: (runtime) => loraStep(runtime, llama135m, tokens, lora),
      rivals: transformers("peft", "lora", lora),
      steps: 1,
      perStep: { unit: "samples", count: tokens.batch },
    },
    {
      name: "scoring",
      what: "yes/no at the last token, 135M Llama, 4 x 128 tokens",
      subject: (runtime) => scoring(runtime, llama135m, tokens),
      rivals: transformers("transformers", "score", {}),
      steps: 2,
      perStep: { unit: "samples", count: tokens.batch },
    },
    ...(["int8", "exact"] as const).map((backward): BenchCase => ({
      name: backward === "int8" ? "lora-step-int8" : "lora-step-int8-exact",
      what: `LoRA step on a frozen base in int8, gradients in ${backward === "int8" ? "int8" : "float32"}`,
      subject: (runtime) => loraStep(runtime, llama135m, tokens, lora, { precision: () => "int8", backward }),
      rivals: [
        {
          name: "ours-fp32",
          own: (runtime: Runtime) => loraStep(runtime, llama135m, tokens, lora),
          note: gainNote,
        },
        ...transformers("peft", "lora", lora),
      ],
      steps: 1,
      perStep: { unit: "samples", count: tokens.batch },
    })),
    ...(["int8", "int4"] as const).flatMap((precision) =>
      Object.entries({ "": tokens, "-one": oneToken }).map(([suffix, shape]): BenchCase => ({
        name: `scoring-${precision}${suffix}`,
        what: `the same with weights in ${precision}, ${shape.batch} x ${shape.time} tokens`,
        subject: (runtime) => scoring(runtime, llama135m, shape, () => precision),
        rivals: [
          {
            name: "ours-fp32",
            own: (runtime: Runtime) => scoring(runtime, llama135m, shape),
            note: gainNote,
          },
          ...transformers("transformers", "score", shape),
        ],
        steps: 2,
        perStep: { unit: "samples", count: shape.batch },
      })),
    ),
    ...(["spread", "uniform"] as const).flatMap((ids) =>
      [1e6, 1e7, ...(huge ? [1e8] : [])].map((rows) => tableCase(rows, ids)),
    ),
  ];
}
