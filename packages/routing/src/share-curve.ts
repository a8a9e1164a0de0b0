import { auc, logLoss } from "@corella/metrics";
import { predictionEntropy } from "./entropy.ts";
import { heldOutMix, type MixKind } from "./fit-mix.ts";
import { estimateByUser, rowLoss, sampleOf, type Estimate, type ValidationAnswers } from "./held-out.ts";
import { checkSameLength, checkShare, rowsOfShare } from "./inputs.ts";

/** What one share of the samples to the LLM brings, on held-out validation rows. */
export interface SharePoint {
  /** Share of the rows that the LLM answers, 0..1. */
  readonly share: number;
  /** Over all rows, mixed. NaN where there is one class only. */
  readonly auc: number;
  /** Over all rows, mixed, in nats. */
  readonly logLoss: number;
  /** By how much the logloss of all rows is lower than the CRM's, in nats a row. */
  readonly gain: Estimate;
}

/** Quality against the share of the samples that goes to the LLM. */
export interface ShareCurve {
  /** By ascending share, the CRM alone first. */
  readonly points: readonly SharePoint[];
  /**
   * The smallest share whose logloss is that of the best but for one standard error of their difference. 0 where nothing is
   * better than the CRM by more than that.
   */
  readonly best: number;
}

/** What `shareCurve` may be told. */
export interface ShareCurveOptions {
  /** Rows are sent in descending order of this, ties together; default: the entropy of the CRM's answers. */
  readonly priority?: Float32Array | undefined;
  /** No larger share is looked at; default 1. */
  readonly mostShare?: number | undefined;
  /** A share that is looked at beside every twentieth. */
  readonly share?: number | undefined;
}

/**
 * Mixes the validation rows for every twentieth of them that goes to the LLM. At each share the rule is fitted anew, and each
 * tenth of the users is mixed by what the others teach, so that no share is flattered by its fit.
 * Source of the choice: the one-standard-error rule, Breiman et al., Classification and Regression Trees, 1984.
 * @throws CorellaError `routing/bad-policy`, and those of `fitMix`
 */
export function shareCurve(
  answers: ValidationAnswers,
  kind: MixKind,
  { priority, mostShare = 1, share = 0 }: ShareCurveOptions = {},
): ShareCurve {
  checkShare(mostShare);
  checkShare(share);
  const whole = sampleOf(answers);
  const { pCrm, labels, users } = whole;
  const order = priority ?? Float32Array.from(pCrm, predictionEntropy);
  checkSameLength(pCrm.length, order.length, "priority");
  const steps = Array.from({ length: 21 }, (_, step) => step / 20);
  const wanted = [...steps, share, mostShare].filter((each) => each <= mostShare).toSorted((a, b) => a - b);
  const points: SharePoint[] = [];
  const losses: Float64Array[] = [];
  const lossOf = (p: number, row: number): number => rowLoss(p, labels[row]!);
  for (const rows of new Set(wanted.map((each) => rowsOfShare(each, pCrm.length)))) {
    const sent = above(order, rows);
    if (points.at(-1)?.share === sent.length / pCrm.length) continue;
    const mixed = pCrm.slice();
    heldOutMix(kind, sampleOf(answers, sent)).forEach((p, i) => {
      mixed[sent[i]!] = p;
    });
    const loss = mixed.map(lossOf);
    const crmLoss = losses[0] ?? loss;
    losses.push(loss);
    points.push({
      share: sent.length / Math.max(pCrm.length, 1),
      auc: auc(mixed, labels),
      logLoss: logLoss(mixed, labels),
      gain: estimateByUser(
        loss.map((value, row) => crmLoss[row]! - value),
        users,
      ),
    });
  }
  return { points, best: points[smallestOfBest(losses, users)]!.share };
}

/** The first of the losses that is not worse than the best by more than a standard error. */
function smallestOfBest(losses: readonly Float64Array[], users: Uint32Array): number {
  const sums = losses.map((loss) => loss.reduce((sum, value) => sum + value, 0));
  const best = losses[sums.indexOf(Math.min(...sums))]!;
  return losses.findIndex((loss) => {
    const worse = estimateByUser(
      loss.map((value, row) => value - best[row]!),
      users,
    );
    return loss === best || worse.mean <= worse.standardError;
  });
}

/** Rows, ascending, that a threshold for so many sends: those above it, so that ties are left out together. */
function above(order: Float32Array, count: number): Uint32Array {
  const rows = Uint32Array.from(order, (_, row) => row);
  if (count >= rows.length) return rows;
  const threshold = order.toSorted()[rows.length - 1 - count]!;
  return rows.filter((row) => order[row]! > threshold);
}

/** What the LLM may cost for 1,000 requests of one sample each: one of the first three; the last goes with milliseconds and money. */
export interface RoutingBudget {
  readonly calls?: number | undefined;
  readonly milliseconds?: number | undefined;
  readonly money?: number | undefined;
  /** Milliseconds or money of one call. */
  readonly perCall?: number | undefined;
}

/**
 * The largest share of the samples that a budget allows, 0..1.
 * @example
 * ```ts
 * import { shareOfBudget } from "@corella/routing";
 *
 * // 4 seconds for 1,000 requests, a call takes 20 ms.
 * console.log(shareOfBudget({ milliseconds: 4000, perCall: 20 })); // 0.2
 * ```
 */
export function shareOfBudget({ calls, milliseconds, money, perCall = 1 }: RoutingBudget): number {
  return Math.min(1, (calls ?? (milliseconds ?? money ?? Infinity) / perCall) / 1000);
}
