// A process that saves one checkpoint after another until it is killed: `checkpoint.test-helper.ts <folder> <first number>`.
import { saveCheckpoint } from "./checkpoint.ts";

const [folder, first] = process.argv.slice(2);
process.stdout.write("ready\n");
for (let number = Number(first); ; number++) {
  // 400 kB, every element the number of the checkpoint.
  const values = { w: new Float32Array(100_000).fill(number) };
  await saveCheckpoint(folder!, {
    states: { model: { step: number, values, slots: {} } },
    progress: { number },
  });
}
