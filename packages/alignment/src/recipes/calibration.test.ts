import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decoder, loadAdapter, loadPretrained } from "@corella/llm";
import {
  compose,
  eagerRuntime,
  onnxRuntime,
  within,
  type Batch,
  type Program,
  type Runtime,
  type Values,
} from "@corella/engine";
import { parseSafetensors, toFloat32, toInt32 } from "@corella/safetensors";
import { describe, expect, test } from "vitest";
import { calibrationLoss, projectionParams, type ProjectionConfig } from "./corella.ts";

const model = join(import.meta.dirname, "../../../../../shared/goldens/llm/llama-gqa");
const available = existsSync(model);

/** The golden case `align`: L_cal between a LoRA-tuned decoder and given CRM states, made with transformers and PEFT. */
describe.skipIf(!available)(
  `the calibration loss equals the golden${available ? "" : " (skipped: no ../shared)"}`,
  () => {
    const load = async (
      power: number,
    ): Promise<{ program: Program; values: Values; batch: Batch; golden: Map<string, Float32Array> }> => {
      const facts = JSON.parse(readFileSync(join(model, "align/golden.json"), "utf8")) as {
        layers: number[];
        crm: number;
        dim: number;
      };
      const tensors = parseSafetensors(readFileSync(join(model, "align/golden.safetensors"))).tensors;
      const main = parseSafetensors(readFileSync(join(model, "golden.safetensors"))).tensors;
      const { config, values } = await loadPretrained(join(model, "model"));
      const adapter = await loadAdapter(join(model, "lora-qv"), config);
      const part = decoder(config, { answers: { yes: 1, no: 2 }, lora: adapter.lora });
      const projection: ProjectionConfig = {
        llmLayers: facts.layers,
        crmLayers: [1, 2],
        width: facts.dim,
        power,
      };
      const specs = compose({
        llm: part,
        projection: {
          params: projectionParams(projection, { llm: config.hiddenSize, crm: facts.crm }),
          tables: {},
          inputs: {},
        },
      });
      const states = Object.fromEntries(
        facts.layers.map((_, j) => [`crm.${j}`, { shape: ["batch", facts.crm], dtype: "float32" as const }]),
      );
      const program: Program = {
        ...specs,
        inputs: { ...specs.inputs, ...states },
        forward(scope) {
          const { hiddenStates } = part.forward(within(scope, "llm"));
          const crm = facts.layers.map((_, j) => scope.input(`crm.${j}`));
          const projections = within(scope, "projection");
          return {
            loss: calibrationLoss(projection, (name) => projections.param(name), hiddenStates, crm),
            outputs: {},
          };
        },
      };
      const all: Values = {};
      for (const [name, value] of Object.entries({ ...values, ...adapter.values }))
        all[`llm.${name}`] = value;
      for (const [name, view] of tensors) {
        const match = /^proj_(llm|crm)\.(\d+)\.(weight|bias)$/.exec(name);
        if (match) all[`projection.${match[1]}.${match[2]}.${match[3]}`] = toFloat32(view);
      }
      const ids = (name: string): { shape: number[]; data: Int32Array } => {
        const view = main.get(`right.${name}`)!;
        return { shape: [...view.shape], data: toInt32(view) };
      };
      const tokens = ids("input_ids");
      const time = tokens.shape[1]!;
      const batch: Record<string, Batch[string]> = {
        "llm.tokens": tokens,
        "llm.positions": ids("position_ids"),
        "llm.visible": ids("attention_mask"),
        "llm.last": ids("last"),
        "llm.index": { shape: [time], data: Int32Array.from({ length: time }, (_, i) => i) },
      };
      facts.layers.forEach((_, j) => {
        const view = tensors.get(`crm_hidden.${j}`)!;
        batch[`crm.${j}`] = { shape: [...view.shape], data: toFloat32(view) };
      });
      const golden = new Map([...tensors].map(([name, view]) => [name, toFloat32(view)]));
      return { program, values: all, batch, golden };
    };

    const runtimes: Runtime[] = [onnxRuntime(), eagerRuntime("cpu")];
    for (const runtime of runtimes) {
      for (const power of [1, 2]) {
        test(`power ${power} on ${runtime.name}`, async () => {
          const { program, values, batch, golden } = await load(power);
          const trainable = (name: string): boolean =>
            name.startsWith("projection.") || /lora_[AB]/.test(name);
          const run = await runtime.gradients(program, values, { trainable });
          const { loss, gradients } = await run.run(batch);
          expect(Math.abs(loss - golden.get(`p${power}.loss`)![0]!)).toBeLessThan(3e-5);
          let compared = 0;
          for (const [name, expected] of golden) {
            if (!name.startsWith(`p${power}.grad.`)) continue;
            const short = name.slice(`p${power}.grad.`.length);
            const projection = /^proj_(llm|crm)\.(.*)$/.exec(short);
            const ours = projection
              ? `projection.${projection[1]}.${projection[2]}`
              : `llm.${short.replace("base_model.model.", "").replace(/\.default\.weight$/, ".weight")}`;
            const actual = gradients[ours];
            if (actual === undefined) continue;
            compared += 1;
            for (let i = 0; i < expected.length; i++) {
              expect(Math.abs(actual[i]! - expected[i]!), `${name}[${i}]`).toBeLessThan(3.1e-4);
            }
          }
          expect(compared).toBeGreaterThan(8);
          await run.dispose();
        });
      }
    }
  },
);
