import type { Evaluation } from "../evaluate.ts";
import { escapeHtml } from "../text.ts";
import type { GlossaryEntry } from "./report.ts";

/** Words of every table of figures. */
export const figureWords: readonly GlossaryEntry[] = [
  {
    term: "AUC",
    meaning:
      "How often a positive sample has a higher probability than a negative one, a tie counting one half: 0.5 is guessing, 1 is perfect. It knows the order of the samples alone.",
  },
  {
    term: "logloss",
    meaning:
      "The mean of −log of the probability that was given to what happened, in nats: lower is better. Whoever is sure and wrong pays most. Saying 0.5 each time costs 0.693.",
  },
  { term: "accuracy", meaning: "The share of samples on whose right side of 0.5 the probability lies." },
];

/** Words of tables of figures over seeds. */
export const seedsWords: readonly GlossaryEntry[] = [
  ...figureWords,
  {
    term: "GAUC",
    meaning: "The AUC within each user, weighted by their samples; users with one class are left out.",
  },
  {
    term: "ECE",
    meaning:
      "The expected calibration error: how far probabilities lie from the shares that turned out positive.",
  },
  {
    term: "validation",
    meaning:
      "The part by which models and settings were chosen. It flatters the best of many; far from the test part it means that the parts are not alike.",
  },
  {
    term: "constant, item mean, user and item means",
    meaning:
      "What needs no model: the share of positives of the training part, of all, of the item, and of user and item together.",
  },
];

const furtherWords: readonly (GlossaryEntry & { readonly isThere: (evaluation: Evaluation) => boolean })[] = [
  {
    term: "[low, high]",
    meaning:
      "An interval of resamples: figures of other samples of the same kind would lie in it so often. Where whole users are drawn, it holds for other users.",
    isThere: () => true,
  },
  {
    term: "p",
    meaning:
      "How often resamples show no difference, or one to the other side. Below 0.05 it is called significant; of twenty such tests one is so by chance.",
    isThere: ({ rows }) => rows.some(({ versusBaseline }) => versusBaseline !== undefined),
  },
  {
    term: "on validation",
    meaning:
      "The same figure on the part of the data by which models were chosen. It flatters a little; far from the other it means that the parts are not alike.",
    isThere: ({ rows }) => rows.some(({ validation }) => validation !== undefined),
  },
  {
    term: "GAUC",
    meaning:
      "The AUC within each user, weighted by their samples: how well the items of one user are ordered. Users with one class are left out.",
    isThere: ({ rows }) => rows.some(({ groupAuc }) => groupAuc !== undefined),
  },
  {
    term: "ECE",
    meaning:
      "The expected calibration error: how far probabilities lie from the shares that turned out positive, on average over 15 bins. 0 is honest.",
    isThere: ({ rows }) => rows.some(({ calibrationError }) => calibrationError !== undefined),
  },
  {
    term: "training, ms a sample",
    meaning:
      "How long the training took that a model comes from, and one prediction, on the machine of the run; of both models by the share that goes to the LLM.",
    isThere: ({ rows }) => rows.some(({ cost }) => cost !== undefined),
  },
];

/** What predictions of these names are. */
const modelWords: Readonly<Record<string, string>> = {
  constant:
    "The share of positives of the training part, for every sample. What is worse has learned nothing.",
  "item-mean":
    "The item’s share of positives in the training part, drawn towards that of all by five events.",
  "user-item-mean":
    "The same of user and item together, their logits added. What a model must beat to be worth it.",
  "crm-stage-1":
    "The conventional model, trained alone on all training samples: what there would be without a language model.",
  "crm-stage-2":
    "The conventional model after joint training, before it learned from the language model’s answers (distilling). The one that is served is set back to its best look at the validation part, and may be the same.",
  "crm-distilled":
    "The conventional model after it learned from the language model’s answers to training samples (distilling). Asked alone: no language model is needed.",
  crm: "The conventional model as it is served. After stage 2, joint training, it is set back to its best look at the validation part; where that was the look before the first step, it is the CRM after stage 1, with the same figures.",
  llm: "The language model, asked about every sample.",
  replace:
    "The router asks the language model about the samples that the CRM is least sure of, and takes its answer in place of the CRM’s, as the paper does.",
  "replace-calibrated": "The same, with the language model’s answer calibrated on the validation part.",
  "add-logits":
    "The router asks the language model about some samples, and adds its logit to the CRM’s with a weight that is learned on the validation part. With a weight of 0 it asks nobody, and the CRM answers alone.",
};

/** What a model of its own is, where no other stands beside it. */
const aloneWords: Readonly<Record<string, string>> = {
  crm: "The conventional model as it is served: with its values at its best look at the validation part.",
};

const weightWord: GlossaryEntry = {
  term: "weight of the LLM’s logit",
  meaning:
    "How much of the language model’s logit is added to the CRM’s. 0: it brings nothing on the validation part beyond chance; 1: it counts as much as the CRM. It is shrunk by the noise of that part.",
};

/** What an evaluation's words mean: its figures, its models, and others that are given. */
export function glossaryOf(evaluation: Evaluation, others: readonly GlossaryEntry[] = []): GlossaryEntry[] {
  const { rows } = evaluation;
  const isAlone = rows.filter(({ isSimple }) => isSimple !== true).length === 1;
  const words = isAlone ? { ...modelWords, ...aloneWords } : modelWords;
  return [
    ...figureWords,
    ...furtherWords.filter(({ isThere }) => isThere(evaluation)),
    ...rows.flatMap(({ name, title }) =>
      Object.hasOwn(words, name) ? [{ term: title, meaning: words[name]! }] : [],
    ),
    ...(rows.some(({ name }) => name === "add-logits") ? [weightWord] : []),
    ...others,
  ];
}

/** Words and their meanings as a section; empty of none. */
export function glossarySection(entries: readonly GlossaryEntry[]): string {
  if (entries.length === 0) return "";
  const items = entries.map(
    ({ term, meaning }) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(meaning)}</dd>`,
  );
  return `<section>\n<h2>What the words mean</h2>\n<dl class="words">${items.join("\n")}</dl>\n</section>`;
}
