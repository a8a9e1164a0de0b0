// From a log to pictures, cell by cell as in a notebook: run it, open report.html, change a cell, run it again.
import { writeFile } from "node:fs/promises";
import { crmOf, idFeeds } from "@corella/bundle";
import { crmInferenceProgram, scoreBatches, trainCrm } from "@corella/crm";
import { onnxRuntime, type Batch } from "@corella/engine";
import {
  confidenceGroupAuc,
  entropyHistogram,
  evaluateModels,
  formatTable,
  renderReport,
  simpleModels,
} from "@corella/evaluation";
import {
  batches,
  defaultFeatures,
  encodeRows,
  fitFeatureMap,
  loadLog,
  movieTweetings,
  splitLog,
} from "@corella/modality";
import { predictionEntropy } from "@corella/routing";

// The data: 100,000 ratings of films, in three parts by time.
const data = movieTweetings(process.argv[2] ?? "../../data/movietweetings-100k");
const log = await loadLog(data);
const { train, validation, test } = splitLog(log, data);
const labelsOf = (rows: Uint32Array): Float32Array => Float32Array.from(rows, (row) => log.label[row]!);
console.log(`${log.size} ratings of ${log.users.ids.length} users and ${log.items.ids.length} films`);

// The features: what is known of the film and of what the user did before, without running statistics.
const features = defaultFeatures(log).filter(({ type }) => type !== "statistic");
const featureMap = fitFeatureMap(features, log, train);
const inputsOf = (rows: Uint32Array): Batch =>
  idFeeds(featureMap.features, encodeRows(featureMap, log, rows));
console.log(`features: ${features.map(({ name }) => name).join(", ")}`);

// The model, for a minute at most.
const crm = crmOf({ model: "DCNv2", embeddingDim: 8, parallelUnits: [32] }, featureMap);
const order = [...batches(train, 1024, { shuffleSeed: 1 })];
const phase = await trainCrm({
  crm,
  runtime: onnxRuntime(),
  seed: 1,
  steps: 60,
  samplesPerStep: 1024,
  learningRate: 0.005,
  validateEvery: 15,
  patience: 3,
  batch: (step) => ({
    ...inputsOf(order[step]!),
    label: { shape: [order[step]!.length], data: labelsOf(order[step]!) },
  }),
  validation: { labels: labelsOf(validation), batches: () => [...batches(validation, 4096)].map(inputsOf) },
});
const model = await onnxRuntime().infer(crmInferenceProgram(crm), phase.values);
const probabilities = await scoreBatches(model, [...batches(test, 4096)].map(inputsOf), test.length);
await model.dispose();

// The figures, beside those of models that look at means alone; intervals draw whole users.
const models = [
  ...simpleModels(log, train, test),
  { name: "crm", title: "DCNv2 in a minute", probabilities },
];
const groups = Int32Array.from(test, (row) => log.user[row]!);
const options = { samples: 200, baseline: "item-mean", groups };
const evaluation = evaluateModels(models, labelsOf(test), options);
console.log(formatTable(evaluation).split("\n\n")[0]);

// The pictures: one file, with nothing to load.
const entropy = probabilities.map(predictionEntropy);
const html = renderReport({
  title: "A minute with MovieTweetings",
  summary: [{ label: "Test ratings", value: String(test.length) }],
  evaluation,
  curves: [
    {
      title: "Loss while it learns",
      xLabel: "step",
      yLabel: "logloss",
      series: [{ name: "training", points: phase.losses }],
    },
  ],
  confidenceGroups: confidenceGroupAuc([models.at(-1)!], entropy, labelsOf(test), 3, options),
  entropyHistogram: entropyHistogram(entropy),
  details: [],
});
await writeFile("report.html", html);
console.log(`wrote report.html with ${html.match(/<svg/g)!.length} pictures`);
