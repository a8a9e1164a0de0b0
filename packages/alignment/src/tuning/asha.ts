/** A trial that is to be trained to the end of a rung; both are counted from 0. */
export interface RungJob {
  readonly trial: number;
  readonly rung: number;
}

/** What a free worker does next. */
export interface Decision extends RungJob {
  /** `new`: a trial begins; `promoted`: a paused one goes on. */
  readonly why: "new" | "promoted";
  /** Nothing is to be done: the trial has come to its end below, and its score there counts in this rung too. */
  readonly carried: boolean;
}

/** What a trial has shown at the end of a rung. */
export interface RungScore {
  /** Higher is better; NaN of one that diverged. */
  readonly score: number;
  /** The training has come to its end: later rungs would change nothing. */
  readonly ended: boolean;
}

/** A result within a rung. */
export interface RungEntry extends RungScore {
  readonly trial: number;
  readonly promoted: boolean;
  /** Its training had come to its end in a rung below. */
  readonly carried: boolean;
}

/** The state of a search by asynchronous successive halving. It computes nothing and waits for nobody. */
export interface Asha {
  /** Decides what a free worker does, and counts it as begun; undefined when there is nothing to do before a further result. */
  next(): Decision | undefined;
  /** Takes the result of a decision that was not carried. */
  report(job: RungJob, score: RungScore): void;
  /** What has been decided and has no result yet, in the order of decisions. */
  running(): Decision[];
  /** The results of each rung in the order in which they came, from the lowest rung on. */
  rungs(): readonly (readonly RungEntry[])[];
}

/**
 * Asynchronous successive halving: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020, algorithm 2,
 * of a list of trials in place of an endless supply. A free worker promotes the best trial that is among the best
 * `floor(n / factor)` of the `n` in its rung and not yet promoted, from the highest rung that has one; else it begins the next
 * trial. Equal scores go by the trial's number. The decisions follow from the order of calls alone.
 * @param options.trials how many there are @param options.rungs how many levels @param options.factor the paper's eta
 */
export function createAsha({
  trials,
  rungs: levels,
  factor,
}: {
  readonly trials: number;
  readonly rungs: number;
  readonly factor: number;
}): Asha {
  const entries: (Omit<RungEntry, "promoted"> & { promoted: boolean })[][] = Array.from(
    { length: levels },
    () => [],
  );
  const open = new Map<string, Decision>();
  const keyOf = ({ trial, rung }: RungJob): string => `${trial}/${rung}`;
  let begun = 0;

  const promotable = (rung: number): (typeof entries)[number][number] | undefined => {
    const candidates = entries[rung]!.filter(({ score }) => !Number.isNaN(score))
      .toSorted((a, b) => b.score - a.score || a.trial - b.trial)
      .slice(0, Math.floor(entries[rung]!.length / factor));
    return candidates.find(({ promoted }) => !promoted);
  };

  return {
    next() {
      for (let rung = levels - 2; rung >= 0; rung--) {
        const entry = promotable(rung);
        if (entry === undefined) continue;
        entry.promoted = true;
        const { trial, score, ended } = entry;
        const decision: Decision = { trial, rung: rung + 1, why: "promoted", carried: ended };
        if (ended) entries[rung + 1]!.push({ trial, score, ended, promoted: false, carried: true });
        else open.set(keyOf(decision), decision);
        return decision;
      }
      if (begun === trials) return undefined;
      const decision: Decision = { trial: begun++, rung: 0, why: "new", carried: false };
      open.set(keyOf(decision), decision);
      return decision;
    },
    report(job, { score, ended }) {
      if (!open.delete(keyOf(job)))
        throw new Error(`Trial ${job.trial} is not being trained to the end of rung ${job.rung}.`);
      entries[job.rung]!.push({ trial: job.trial, score, ended, promoted: false, carried: false });
    },
    running: () => [...open.values()],
    rungs: () => entries.map((rung) => rung.map((entry) => ({ ...entry }))),
  };
}
