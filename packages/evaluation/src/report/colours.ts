import type { EvaluationRow } from "../evaluate.ts";

/** The number of a model's colour among those of series. */
export type ColourOf = (model: string | undefined) => number;

/** What is of no model: grey. */
const neutral = 6;
/** Numbers of the colours that models have, in their order; grey is none. */
const ofModels = [0, 1, 2, 3, 4, 5, 7];

/** One colour a model through the whole page, in the order of the evaluation; what is no model of it is grey. */
export function modelColours({
  rows,
}: {
  readonly rows: readonly Pick<EvaluationRow, "name" | "isSimple">[];
}): ColourOf {
  const names = rows.filter(({ isSimple }) => isSimple !== true).map(({ name }) => name);
  return (model) => {
    const place = model === undefined ? -1 : names.indexOf(model);
    return place < 0 ? neutral : ofModels[place % ofModels.length]!;
  };
}
