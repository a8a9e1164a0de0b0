import type { ParamSpec } from "@corella/engine";
import { holdsTensors, openParams, type NameInFile } from "../files/tensor-folder.ts";

const rowsAtOnce = 4096;

/**
 * Whether a model whose configuration makes the embedding matrix its head has another head in its files. As in
 * transformers 5 the files decide: a head there counts unless it is the embedding matrix again.
 * @param names of the two parameters, which have the same shape [vocabulary, hidden]
 */
export async function hasOwnHead(
  folder: string,
  shape: readonly [number, number],
  names: { readonly embedding: string; readonly head: string },
  nameInFile?: NameInFile,
): Promise<boolean> {
  if (!(await holdsTensors(folder, [names.embedding, names.head], nameInFile))) return false;
  const spec: ParamSpec = { shape, init: { kind: "zeros" } };
  const weights = await openParams(folder, { [names.embedding]: spec, [names.head]: spec }, nameInFile);
  try {
    for (let begin = 0; begin < shape[0]; begin += rowsAtOnce) {
      const rows = [begin, Math.min(begin + rowsAtOnce, shape[0])] as const;
      const [embedding, head] = [
        await weights.read(names.embedding, rows),
        await weights.read(names.head, rows),
      ];
      if (embedding.some((value, i) => value !== head[i])) return true;
    }
    return false;
  } finally {
    await weights.close();
  }
}
