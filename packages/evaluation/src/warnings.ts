import type { Judged, JudgedRow } from "./evaluate.ts";
import { formatShort } from "./numbers.ts";

/** Why figures are not to be trusted, or a model is not to be used; nothing that forbids either. */
export interface FigureWarning {
  readonly message: string;
  /** What to do. */
  readonly remedy: string;
}

/** Differences between the parts from which they are worth a word, where their intervals are apart too. */
const farApart = { auc: 0.03, logLoss: 0.1 };

/**
 * Whether models are any good: worse than a constant, ranking worse than chance, no better than means of items and users; and
 * whether the validation part, by which a model was chosen, and these samples are far apart.
 * @param part what the samples are, in words: `test part` @param served name of the predictions that are used
 */
export function figureWarnings(evaluation: Judged, part: string, served: string): FigureWarning[] {
  const models = evaluation.rows.filter(({ isSimple }) => isSimple !== true);
  const used = models.filter(({ name }) => name === served);
  return [
    ...worseThanConstant(evaluation, models, part),
    ...used.flatMap((row) => noBetterThanChance(row, part)),
    ...used.flatMap((row) => noBetterThanMeans(evaluation, row, part)),
    ...used.flatMap((row) => farFromValidation(row, part)),
  ];
}

function worseThanConstant({ rows }: Judged, models: readonly JudgedRow[], part: string): FigureWarning[] {
  const constant = rows.find(({ name, isSimple }) => isSimple && name === "constant");
  const remedyOf = (count: number): string =>
    `${count === 1 ? "It has" : "They have"} learned nothing that holds there: look at the loss and the validation figures, at the learning rate, and at whether the parts of the data are alike.`;
  // A wrong prediction that is sure costs more than none; the last digit that is shown decides.
  const losing =
    constant === undefined
      ? []
      : models.filter(({ logLoss }) => logLoss.estimate > constant.logLoss.estimate + 5e-5);
  const ranking = models.filter(({ auc }) => auc.estimate < 0.5 && !(auc.high >= 0.5));
  return [
    ...(losing.length === 0
      ? []
      : [
          {
            message: `${named(losing, ({ logLoss }) => formatShort(logLoss.estimate))} ${losing.length === 1 ? "is" : "are"} worse than a constant on the ${part}, whose logloss is ${formatShort(constant!.logLoss.estimate)}.`,
            remedy: remedyOf(losing.length),
          },
        ]),
    ...(ranking.length === 0
      ? []
      : [
          {
            message: `${named(ranking, ({ auc }) => `AUC ${formatShort(auc.estimate)}`)} ${ranking.length === 1 ? "ranks" : "rank"} the ${part} worse than chance.`,
            remedy: remedyOf(ranking.length),
          },
        ]),
  ];
}

function named(rows: readonly JudgedRow[], figure: (row: JudgedRow) => string): string {
  const texts = rows.map((row) => `${row.title} (${figure(row)})`);
  if (texts.length < 3) return texts.join(" and ");
  // Titles have commas of their own.
  return `${texts.slice(0, -1).join("; ")}; and ${texts.at(-1)}`;
}

/** Of samples that are too few nothing better can be said. */
function noBetterThanChance({ title, auc }: JudgedRow, part: string): FigureWarning[] {
  if (!(auc.low <= 0.5 && auc.high >= 0.5)) return [];
  return [
    {
      message: `The AUC of ${title} on the ${part}, ${formatShort(auc.estimate)}, cannot be told from guessing: its interval is ${formatShort(auc.low)} to ${formatShort(auc.high)}.`,
      remedy: "Evaluate more samples, or look at what the model learns from.",
    },
  ];
}

/** Only where some means have both the better AUC and the better logloss: one alone may be a matter of calibration. */
function noBetterThanMeans({ rows }: Judged, row: JudgedRow, part: string): FigureWarning[] {
  const better = rows
    .filter(
      ({ isSimple, name, auc, logLoss }) =>
        isSimple === true &&
        name !== "constant" &&
        auc.estimate >= row.auc.estimate &&
        logLoss.estimate <= row.logLoss.estimate,
    )
    .toSorted((a, b) => b.auc.estimate - a.auc.estimate)[0];
  if (better === undefined) return [];
  return [
    {
      message: `${row.title} is no better than the ${better.title} on the ${part}: AUC ${formatShort(row.auc.estimate)} against ${formatShort(better.auc.estimate)}, logloss ${formatShort(row.logLoss.estimate)} against ${formatShort(better.logLoss.estimate)}.`,
      remedy: "Look at its features and its training: what needs no model does as well.",
    },
  ];
}

function farFromValidation(row: JudgedRow, part: string): FigureWarning[] {
  const { validation } = row;
  if (validation === undefined) return [];
  const apart = (["auc", "logLoss"] as const).filter((figure) => {
    const [a, b] = [validation[figure], row[figure]];
    const overlap = a.low <= b.high && b.low <= a.high;
    return Math.abs(a.estimate - b.estimate) >= farApart[figure] && !overlap;
  });
  if (apart.length === 0) return [];
  const texts = apart.map((figure) => {
    const name = figure === "auc" ? "AUC" : "logloss";
    return `${name} ${formatShort(validation[figure].estimate)} and ${formatShort(row[figure].estimate)}`;
  });
  return [
    {
      message: `Validation and ${part} are far apart: of ${row.title} they have ${texts.join("; ")}.`,
      remedy:
        "Look at how the parts were divided, at their times, shares of positives, new users and items: what was chosen on the one does not hold on the other.",
    },
  ];
}
