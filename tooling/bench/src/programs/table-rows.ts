import { createGenerator, tf, type Batch, type Program, type Runtime } from "@corella/engine";
import type { Subject } from "../contestant.ts";
import { labels, rotating } from "./random-batches.ts";

const batch = 4096;
const fields = 10;
const dim = 16;
const hidden = 128;
/** Rows that ids come from where these shall be as many for every size of table. */
const usedRows = 10_000;

/**
 * A training step with one table. Ids `spread`: always from 10,000 rows, which lie evenly over the table, so that only its
 * size differs; `uniform`: from all rows, so that bigger tables also have more distinct rows in a batch.
 */
export async function tableStep(runtime: Runtime, rows: number, ids: "spread" | "uniform"): Promise<Subject> {
  const program = tableProgram(rows);
  // Adagrad keeps one array beside the table: 10^8 rows x 16 then take 12.8 GB.
  const trainer = await runtime.train(program, {
    seed: 1,
    optimizer: { kind: "adagrad", learningRate: 0.01 },
  });
  const stride = ids === "spread" ? Math.floor(rows / usedRows) : 1;
  const limit = ids === "spread" ? usedRows : rows;
  const next = rotating((i): Batch => {
    const random = createGenerator(1, `rows/${i}`);
    const data = Int32Array.from({ length: batch * fields }, () => random.integer(limit) * stride);
    return { ids: { shape: [batch, fields], data }, label: labels(batch, i) };
  });
  return {
    step: () => trainer.step(next()),
    async warmUp() {
      for (let i = 0; i < 8; i++) await trainer.step(next());
    },
    dispose: () => trainer.dispose(),
  };
}

function tableProgram(rows: number): Program {
  return {
    params: {
      hidden: { shape: [fields * dim, hidden], init: { kind: "xavierNormal" } },
      out: { shape: [hidden, 1], init: { kind: "xavierNormal" } },
    },
    tables: { rows: { rows, dim, init: { kind: "constant", value: 0.01 }, paddingRow: false } },
    inputs: {
      ids: { shape: ["batch", fields], dtype: "int32" },
      label: { shape: ["batch"], dtype: "float32" },
    },
    forward(scope) {
      const looked = tf.reshape(scope.lookup("rows", scope.input("ids")), [-1, fields * dim]);
      const relu = tf.relu(tf.matMul(looked, scope.param("hidden")));
      const logit = tf.reshape(tf.matMul(relu, scope.param("out")), [-1]);
      const loss = tf.mean(tf.sub(tf.softplus(logit), tf.mul(logit, scope.input("label"))));
      return { loss, outputs: {} };
    },
  };
}
