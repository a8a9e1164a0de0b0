import fc from "fast-check";
import { expect, test } from "vitest";
import { createAsha, type Decision, type RungEntry, type RungJob } from "./asha.ts";

interface Step {
  readonly decision: Decision;
  /** The rungs as they were when it was made. */
  readonly before: readonly (readonly RungEntry[])[];
}

interface World {
  readonly trials: number;
  readonly rungs: number;
  readonly factor: number;
  readonly workers: number;
  /** Of a trial at the end of a rung; NaN where it diverges. */
  readonly scores: readonly number[];
  /** Whether its training ends there. */
  readonly ends: readonly boolean[];
  /** Which of the running trials ends next. */
  readonly order: readonly number[];
}

const world: fc.Arbitrary<World> = fc.record({
  trials: fc.integer({ min: 1, max: 40 }),
  rungs: fc.integer({ min: 1, max: 4 }),
  factor: fc.integer({ min: 2, max: 5 }),
  workers: fc.integer({ min: 1, max: 6 }),
  scores: fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(Number.NaN)), { minLength: 7 }),
  ends: fc.array(fc.boolean(), { minLength: 5 }),
  order: fc.array(fc.nat(), { minLength: 3 }),
});

const at = <Value>(values: readonly Value[], { trial, rung }: RungJob): Value =>
  values[(trial * 5 + rung * 3) % values.length]!;

/** Workers that take what they are told until there is nothing left. */
function run({ trials, rungs, factor, workers, scores, ends, order }: World): {
  steps: Step[];
  rungs: readonly (readonly RungEntry[])[];
} {
  const asha = createAsha({ trials, rungs, factor });
  const steps: Step[] = [];
  for (let ended = 0; ; ended++) {
    while (asha.running().length < workers) {
      const before = asha.rungs();
      const decision = asha.next();
      if (decision === undefined) break;
      steps.push({ decision, before });
    }
    const running = asha.running();
    if (running.length === 0) return { steps, rungs: asha.rungs() };
    const job = running[order[ended % order.length]! % running.length]!;
    asha.report(job, { score: at(scores, job), ended: at(ends, job) });
  }
}

test("whoever is promoted is among the best of its rung at that moment and has a score; none is promoted twice", () => {
  fc.assert(
    fc.property(world, (given) => {
      const seen = new Set<string>();
      for (const { decision, before } of run(given).steps) {
        const { trial, rung, why } = decision;
        expect(seen.has(`${trial}/${rung}`)).toBe(false);
        seen.add(`${trial}/${rung}`);
        if (why === "new") continue;
        const below = before[rung - 1]!;
        const own = below.find((entry) => entry.trial === trial)!;
        expect(own.score).not.toBeNaN();
        const better = below.filter(({ score }) => score > own.score).length;
        expect(better).toBeLessThan(Math.floor(below.length / given.factor));
        expect(decision.carried).toBe(own.ended);
      }
    }),
  );
});

test("a worker begins a trial only where none can be promoted, and promotes from the highest rung that has one", () => {
  fc.assert(
    fc.property(world, (given) => {
      for (const { decision, before } of run(given).steps) {
        const source = decision.why === "new" ? -1 : decision.rung - 1;
        for (const entries of before.slice(source + 1, -1)) {
          const room = Math.floor(entries.length / given.factor);
          const best = entries
            .filter(({ score }) => !Number.isNaN(score))
            .toSorted((a, b) => b.score - a.score || a.trial - b.trial)
            .slice(0, room);
          expect(best.every(({ promoted }) => promoted)).toBe(true);
        }
      }
    }),
  );
});

test("it ends with every trial tried and nobody left to promote, and the same order of results gives the same decisions", () => {
  fc.assert(
    fc.property(world, (given) => {
      const { steps, rungs } = run(given);
      expect(rungs[0]!.map(({ trial }) => trial).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: given.trials }, (_, trial) => trial),
      );
      expect(run(given).steps.map(({ decision }) => decision)).toEqual(steps.map(({ decision }) => decision));
    }),
  );
});

test("one worker, eta 4: the first promotion comes after four results, and goes to the best of them", () => {
  const asha = createAsha({ trials: 5, rungs: 2, factor: 4 });
  for (const [trial, score] of [0.6, 0.8, 0.7, Number.NaN].entries()) {
    expect(asha.next()).toEqual({ trial, rung: 0, why: "new", carried: false });
    asha.report({ trial, rung: 0 }, { score, ended: false });
  }
  expect(asha.next()).toEqual({ trial: 1, rung: 1, why: "promoted", carried: false });
  expect(asha.next()).toEqual({ trial: 4, rung: 0, why: "new", carried: false });
  asha.report({ trial: 4, rung: 0 }, { score: 0.9, ended: false });
  // The best of five is another one now; that trial 1 went on before it cannot be helped without waiting.
  expect(asha.next()).toEqual({ trial: 4, rung: 1, why: "promoted", carried: false });
  expect(() => asha.report({ trial: 0, rung: 1 }, { score: 1, ended: true })).toThrow("not being trained");
});
