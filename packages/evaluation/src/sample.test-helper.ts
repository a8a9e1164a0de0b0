import { createGenerator } from "@corella/random";
import { predictionEntropy, boundaryShift } from "@corella/routing";
import {
  confidenceGroupAuc,
  entropyHistogram,
  evaluateModels,
  type CurveSeries,
  type ModelPredictions,
  type Report,
} from "./index.ts";

/** Made-up predictions of several models, their labels, and the routing that goes with them. */
export interface Sample {
  readonly models: ModelPredictions[];
  readonly labels: Float32Array;
  readonly entropy: Float32Array;
  readonly threshold: number;
  readonly pCrm: Float32Array;
  readonly pLlm: Float32Array;
}

/** A CRM, a weaker LLM that knows other things, and their two mixtures on synthetic click probabilities. */
export function sample(count: number, seed = 7): Sample {
  const { uniform, normal } = createGenerator(seed, "sample");
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const labels = new Float32Array(count);
  const crm = new Float32Array(count);
  const aligned = new Float32Array(count);
  const llm = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    const known = normal() * 1.1;
    const hidden = normal() * 0.55;
    labels[row] = uniform() < sigmoid(known + hidden + 0.1) ? 1 : 0;
    crm[row] = known + 0.1 + normal() * 0.3;
    aligned[row] = crm[row]! * 0.98 + hidden * 0.12;
    llm[row] = hidden * 0.9 + known * 0.3 + normal() * 0.5 + 0.4;
  }
  const pAligned = aligned.map(sigmoid);
  const entropy = pAligned.map(predictionEntropy);
  const threshold = Float32Array.from(entropy).sort()[Math.floor(count * 0.7) - 1]!;
  const hard = (row: number): boolean => entropy[row]! > threshold;
  const share = entropy.filter((value) => value > threshold).length / count;
  const pLlm = llm.map(sigmoid);
  return {
    labels,
    entropy,
    threshold,
    pCrm: pAligned,
    pLlm,
    models: [
      { name: "CRM after stage 1", probabilities: crm.map(sigmoid), shareToLlm: 0 },
      { name: "CRM after stage 2", probabilities: pAligned, shareToLlm: 0 },
      { name: "LLM alone", probabilities: pLlm, shareToLlm: 1 },
      {
        name: "CoReLLa (replacing hard samples)",
        probabilities: pAligned.map((p, row) => (hard(row) ? pLlm[row]! : p)),
        shareToLlm: share,
      },
      {
        name: "CoReLLa (adding logits)",
        probabilities: aligned.map((logit, row) => sigmoid(hard(row) ? logit + 0.6 * llm[row]! : logit)),
        shareToLlm: share,
      },
    ],
  };
}

interface Decay {
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly noise: number;
  readonly seed: number;
  /** Steps between two points. */
  readonly every?: number;
}

function decay(name: string, { count, from, to, noise, seed, every = 1 }: Decay): CurveSeries {
  const { uniform } = createGenerator(seed, "decay");
  return {
    name,
    points: Array.from({ length: count }, (_, step): [number, number] => [
      (step + 1) * every,
      to + (from - to) * Math.exp((-5 * step) / count) + noise * (uniform() + uniform() - 1),
    ]),
  };
}

/** A report with every part. */
export function sampleReport(count = 10_000, samples = 1000): Report {
  const { models, labels, entropy, threshold, pCrm, pLlm } = sample(count);
  return {
    title: "CoReLLa on MovieTweetings",
    subtitle: "Run demo, seed 1: DCNv2 with pooled history, Llama (4 layers, 192 wide) with LoRA r8",
    summary: [
      { label: "Test AUC, CoReLLa (adding logits)", value: "0.7585" },
      { label: "Gain on the CRM alone", value: "+0.0063" },
      { label: "Sent to the LLM", value: "30.0 %" },
      { label: "Training time", value: "4 min 52 s" },
      { label: "Test samples", value: "10,000" },
      { label: "Peak memory", value: "1.4 GB" },
    ],
    evaluation: evaluateModels(models, labels, { samples, baseline: "CRM after stage 1" }),
    baselineNote:
      "The baseline is the conventional model as trained in stage 1 on all training data, before it met the LLM.",
    confidenceGroups: confidenceGroupAuc(models, entropy, labels, 3, { samples }),
    entropyHistogram: entropyHistogram(entropy, threshold),
    boundary: boundaryShift(pCrm, pLlm, labels),
    curves: [
      {
        title: "Training loss",
        xLabel: "step",
        yLabel: "loss (nats)",
        series: [
          decay("stage 1, CRM", { count: 2340, from: 0.69, to: 0.52, noise: 0.04, seed: 1 }),
          decay("stage 2, CRM", { count: 640, from: 0.56, to: 0.51, noise: 0.06, seed: 2 }),
          decay("stage 2, LLM", { count: 640, from: 0.7, to: 0.6, noise: 0.08, seed: 3 }),
          decay("stage 3, LLM", { count: 640, from: 0.62, to: 0.58, noise: 0.08, seed: 4 }),
        ],
      },
      {
        title: "Validation AUC",
        xLabel: "step",
        yLabel: "AUC",
        series: [
          decay("stage 1, CRM", { count: 8, from: 0.7, to: 0.788, noise: 0.002, seed: 5, every: 292 }),
          decay("stage 2, CRM", { count: 12, from: 0.785, to: 0.79, noise: 0.002, seed: 6, every: 53 }),
          decay("stage 2, LLM", { count: 12, from: 0.52, to: 0.61, noise: 0.004, seed: 7, every: 53 }),
          decay("stage 3, LLM", { count: 12, from: 0.61, to: 0.63, noise: 0.004, seed: 8, every: 53 }),
        ],
      },
      {
        title: "Alignment loss, stage 2",
        xLabel: "step",
        yLabel: "L_cal",
        series: [decay("L_cal", { count: 640, from: 3.1, to: 0.7, noise: 0.2, seed: 9 })],
      },
      {
        title: "Pre-training of the LLM",
        xLabel: "step",
        yLabel: "loss (nats per token)",
        series: [
          decay("training", { count: 1100, from: 8.4, to: 3.2, noise: 0.5, seed: 10 }),
          decay("validation", { count: 11, from: 7.5, to: 3.4, noise: 0.05, seed: 11, every: 100 }),
        ],
      },
    ],
    details: [
      {
        heading: "Resolved configuration",
        text: "data:\n  source: data/movietweetings-100k\n  positive: rating >= 8\n  split: [0.8, 0.1, 0.1]\ncrm:\n  model: dcnv2\n  embedding: 16\n  learningRate: 0.001\nrouting:\n  policy: { kind: budget, share: 0.3 }\n",
      },
      {
        heading: "Timings",
        table: {
          columns: ["part", "seconds", "steps per second"],
          rows: [
            ["pre-training", "84.1", "13.1"],
            ["stage 1", "61.0", "38.4"],
            ["stage 2", "77.7", "8.2"],
            ["stage 3", "55.2", "11.6"],
          ],
        },
      },
    ],
  };
}
