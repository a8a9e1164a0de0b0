import type { Admission } from "@corella/bundle";
import type { RoutingPolicy } from "@corella/routing";
import { CorellaError } from "@corella/errors";
import type { LaneObserver } from "./lane-observer.ts";
import { createRunningQuantile } from "./running-quantile.ts";
import { createTokenBucket, type TokenBucket } from "./token-bucket.ts";

/** What the LLM may do; what is left out is not limited. */
export interface LlmLimits {
  /** Share of all samples that it answers, above 0, at most 1. */
  readonly share?: number | undefined;
  /** Samples that it answers in a second. */
  readonly perSecond?: number | undefined;
  /** Milliseconds that it computes in a second; more than 1,000 where several batches run at once. */
  readonly msPerSecond?: number | undefined;
}

/** A budget of the LLM that is kept over calls. */
export interface LlmBudget extends Admission {
  /** Has to be told of the LLM's batches: they say what its work costs. */
  readonly observer: LaneObserver;
  /** What may be spent at once, of each limit: samples by share and by rate, milliseconds; negative where a batch took longer than was left. */
  readonly left: LlmLimits;
}

/** The latest routed samples by whose entropy is judged which are the hardest. */
const window = 1024;
/** Fewer samples than this say nothing about that. */
const fewest = 32;
/** Samples whose share may be saved up. */
const savedSamples = 100;
/** Seconds whose rate may be saved up. */
const savedSeconds = 2;
/** Seconds over which arrivals are averaged. */
const memorySeconds = 10;
/** Weight of the latest batch in the mean cost of a sample. */
const costWeight = 0.2;

/**
 * Keeps the LLM's work within limits by token buckets: any n samples send at most share · n + 100 · share of them to the LLM (or 1, if
 * that is more), any t seconds perSecond · (t + 2), and batches begin only while milliseconds are left. Where more is routed than the
 * limits allow, what is scarce goes to the hardest: samples whose entropy is in that upper fraction of the latest 1,024 routed ones
 * which the limits allow at the present rate.
 *
 * @param policy the bundle's own. A `budget` of a share picks from one call; here its share holds over all calls: samples with an
 * entropy in the upper share of the latest ones are routed to the LLM, whatever calls they come in.
 * @throws CorellaError `serving/bad-limit`
 * @example
 * ```ts
 * import { createLlmBudget } from "@corella/serving";
 *
 * // At most fifty samples a second, of which two seconds' worth may be saved up.
 * const budget = createLlmBudget({ perSecond: 50 });
 * console.log(Math.round(budget.left.perSecond!)); // 100
 * ```
 */
export function createLlmBudget(limits: LlmLimits, policy?: RoutingPolicy): LlmBudget {
  const ofPolicy = policy?.kind === "budget";
  const { perSecond, msPerSecond } = limits;
  requireLimit("share", limits.share, 1);
  requireLimit("perSecond", perSecond);
  requireLimit("msPerSecond", msPerSecond);
  const share = ofPolicy ? Math.min(policy.share, limits.share ?? 1) : limits.share;

  const bucketOf = (rate: number | undefined, saved: number): TokenBucket | undefined =>
    rate === undefined ? undefined : createTokenBucket(rate === 0 ? 0 : Math.max(1, rate * saved));
  const shares = bucketOf(share, savedSamples);
  const calls = bucketOf(perSecond, savedSeconds);
  const milliseconds = bucketOf(msPerSecond, savedSeconds);
  const quantile = createRunningQuantile(window);
  let costMs: number | undefined;
  let underWay = 0;
  let atMs = performance.now();
  /** Of the last seconds, the older the less: all samples, and those that were routed. */
  const recent = { samples: 0, routed: 0 };

  const pass = (samples: number, routed: number): void => {
    const now = performance.now();
    const seconds = (now - atMs) / 1000;
    atMs = now;
    const kept = Math.exp(-seconds / memorySeconds);
    recent.samples = recent.samples * kept + samples;
    recent.routed = recent.routed * kept + routed;
    for (const [bucket, rate] of [
      [calls, perSecond],
      [milliseconds, msPerSecond],
    ] as const) {
      bucket?.add(rate! * seconds);
      bucket?.trim();
    }
    shares?.add(share! * samples);
  };

  /** The fraction of the routed samples that the limits allow at the present rate; above 1 where they allow more. */
  const allowedFraction = (): number => {
    const routedPerSecond = recent.routed / memorySeconds;
    return Math.min(
      share === undefined ? Infinity : (share * recent.samples) / recent.routed,
      (perSecond ?? Infinity) / routedPerSecond,
      (msPerSecond ?? Infinity) / ((costMs ?? 0) * routedPerSecond),
    );
  };

  /** The least entropy of samples in an upper fraction of the latest ones. */
  const leastEntropy = (fraction: number): number =>
    fraction < 1 && quantile.size >= fewest ? quantile.upper(fraction) : -1;

  /** Whether the limits allow one more now; a sample of unknown cost is taken for all milliseconds that a second grants. */
  const affordable = (): boolean => {
    if (shares !== undefined && shares.level < 1) return false;
    if (calls !== undefined && calls.level < 1) return false;
    if (milliseconds === undefined) return true;
    return milliseconds.level > underWay * (costMs ?? 2 * msPerSecond!);
  };

  return {
    ...(ofPolicy ? { policy: { kind: "all" } as const } : {}),
    admit({ entropy, toLlm, chosen }) {
      // Who names a policy does not say what is usual.
      if (!chosen) for (const row of toLlm) quantile.add(entropy[row]!);
      // Nor are samples that were to be kept from the LLM, such as those that ask whether the models answer, any that it might have had.
      pass(chosen && toLlm.length === 0 ? 0 : entropy.length, toLlm.length);
      const least = chosen ? -1 : leastEntropy(allowedFraction());
      const leastOfPolicy = ofPolicy && !chosen ? leastEntropy(share!) : -1;
      const goes: number[] = [];
      const refused: number[] = [];
      for (const row of [...toLlm].sort((a, b) => entropy[b]! - entropy[a]! || a - b)) {
        const nats = entropy[row]!;
        if (nats >= least && affordable()) {
          goes.push(row);
          shares?.spend(1);
          calls?.spend(1);
          underWay += 1;
        } else if (chosen || !ofPolicy || (nats >= leastOfPolicy && shares!.level >= 1)) refused.push(row);
      }
      shares?.trim();
      return {
        rows: Uint32Array.from(goes).sort(),
        refused: Uint32Array.from(refused).sort(),
        settle() {
          underWay -= goes.length;
        },
      };
    },
    observer: {
      batch({ rows, durationMs }) {
        milliseconds?.spend(durationMs);
        const cost = durationMs / rows;
        costMs = costMs === undefined ? cost : costMs + costWeight * (cost - costMs);
      },
      dropped() {},
    },
    get left() {
      pass(0, 0);
      return { share: shares?.level, perSecond: calls?.level, msPerSecond: milliseconds?.level };
    },
  };
}

function requireLimit(name: keyof LlmLimits, limit: number | undefined, most = Infinity): void {
  if (limit === undefined || (limit > 0 && limit <= most)) return;
  throw new CorellaError({
    code: "serving/bad-limit",
    message: `${limit} is no limit of the LLM's ${name}.`,
    place: name,
    remedy: `Give a number above 0${most === 1 ? ", at most 1" : ""}, or leave it out for none.`,
  });
}
