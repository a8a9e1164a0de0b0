// A conventional recommendation model alone: who likes which film, learned from ids, kept as one ONNX file.
import { createCrm, crmInferenceProgram, trainCrm } from "@corella/crm";
import { onnxRuntime, type Batch } from "@corella/engine";
import { auc } from "@corella/metrics";
import { createGenerator } from "@corella/random";

// 40 users and 60 films of four tastes, made up here: one's own taste is liked nine times of ten, another's twice.
const [users, films, tastes] = [40, 60, 4];
const chance = createGenerator(1, "likes", 0);
const ratings = Array.from({ length: 3000 }, () => {
  const [user, film] = [chance.integer(users), chance.integer(films)];
  const share = user % tastes === film % tastes ? 0.9 : 0.2;
  return { user, film, liked: chance.integer(1000) < share * 1000 };
});
const [learned, held] = [ratings.slice(0, 2400), ratings.slice(2400)];

type Rating = Pick<(typeof ratings)[number], "user" | "film">;

/** Ids from 1 up: 0 is padding. */
const inputsOf = (rows: readonly Rating[]): Batch => ({
  user: { shape: [rows.length], data: Int32Array.from(rows, ({ user }) => user + 1) },
  film: { shape: [rows.length], data: Int32Array.from(rows, ({ film }) => film + 1) },
});
const labelsOf = (rows: typeof ratings): Float32Array =>
  Float32Array.from(rows, ({ liked }) => (liked ? 1 : 0));

const crm = createCrm({ model: "DCNv2", embeddingDim: 8, parallelUnits: [32] }, [
  { name: "user", type: "categorical", vocabularySize: users + 1, table: "user" },
  { name: "film", type: "categorical", vocabularySize: films + 1, table: "film" },
]);
const size = 200;
const runtime = onnxRuntime();
const { values } = await trainCrm({
  crm,
  runtime,
  seed: 1,
  steps: 240,
  samplesPerStep: size,
  learningRate: 0.01,
  validateEvery: 12,
  patience: 5,
  batch(step) {
    const rows = learned.slice((step % 12) * size, (step % 12) * size + size);
    return { ...inputsOf(rows), label: { shape: [rows.length], data: labelsOf(rows) } };
  },
  validation: { labels: labelsOf(held), batches: () => [inputsOf(held)] },
});

const model = await runtime.infer(crmInferenceProgram(crm), values);
const score = async (rows: readonly Rating[]): Promise<Float32Array> =>
  (await model.run(inputsOf(rows)))["probability"]!.data as Float32Array;
console.log(`AUC on 600 ratings that were not learned: ${auc(await score(held), labelsOf(held)).toFixed(2)}`);
const [own, other] = await score([
  { user: 3, film: 7 },
  { user: 3, film: 8 },
]);
console.log(
  `user 3 likes film 7 (the same taste): ${own!.toFixed(1)}, film 8 (another): ${other!.toFixed(1)}`,
);
await model.exportOnnx("crm.onnx"); // one file for any ONNX runtime, any batch size
await model.dispose();
console.log("wrote crm.onnx");
