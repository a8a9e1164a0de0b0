import fc from "fast-check";
import { expect, test } from "vitest";
import { lengthBucketedPlan } from "./batch-plan.ts";

test("every sample comes once in each epoch, in batches of the wanted size, the same for the same seed", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 0, max: 99 }),
      (lengths, batchSize, seed) => {
        const plan = lengthBucketedPlan(lengths, batchSize, 2, seed, "test");
        const again = lengthBucketedPlan(lengths, batchSize, 2, seed, "test");
        const perEpoch = plan.steps / 2;
        for (const epoch of [0, 1]) {
          const seen = new Set<number>();
          for (let i = 0; i < perEpoch; i++) {
            const batch = plan.at(epoch * perEpoch + i);
            expect(batch.length).toBeLessThanOrEqual(batchSize);
            expect(batch.length).toBeGreaterThan(0);
            expect(again.at(epoch * perEpoch + i)).toEqual(batch);
            for (const position of batch) seen.add(position);
          }
          expect(seen.size).toBe(lengths.length);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test("samples of similar length stand together", () => {
  const lengths = Array.from({ length: 1024 }, (_, i) => 20 + (i % 100));
  const plan = lengthBucketedPlan(lengths, 32, 1, 1, "test");
  let padded = 0;
  for (let step = 0; step < plan.steps; step++) {
    const batch = plan.at(step);
    padded += batch.length * Math.max(...batch.map((position) => lengths[position]!));
  }
  const real = lengths.reduce((sum, length) => sum + length, 0);
  expect(padded / real).toBeLessThan(1.1);
});

test("what stands for several samples fills batches by their number", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ length: fc.integer({ min: 1, max: 200 }), size: fc.integer({ min: 1, max: 24 }) }),
        {
          minLength: 1,
          maxLength: 300,
        },
      ),
      fc.integer({ min: 1, max: 60 }),
      (runs, batchSize) => {
        const sizes = runs.map(({ size }) => size);
        const plan = lengthBucketedPlan(
          runs.map(({ length }) => length),
          batchSize,
          2,
          1,
          "test",
          sizes,
        );
        const steps = Array.from({ length: plan.steps }, (_, step) => [...plan.at(step)]);
        const times = new Uint8Array(runs.length);
        for (const position of steps.flat()) times[position]! += 1;
        expect(times.every((count) => count === 2)).toBe(true);
        for (const batch of steps) {
          const samples = batch.reduce((sum, position) => sum + sizes[position]!, 0);
          if (batch.length > 1) expect(samples).toBeLessThanOrEqual(batchSize);
        }
        // Any order of asking gives the same batches.
        expect([...plan.at(0)]).toEqual(steps[0]);
      },
    ),
    { numRuns: 50 },
  );
});

test("short runs fill a batch as far as the long ones do", () => {
  const sizes = Array.from({ length: 1000 }, (_, i) => (i % 50 === 0 ? 24 : 2));
  const plan = lengthBucketedPlan(
    sizes.map((size) => size * 20),
    32,
    1,
    1,
    "test",
    sizes,
  );
  const samples = sizes.reduce((sum, size) => sum + size, 0);
  expect(samples / plan.steps).toBeGreaterThan(0.9 * 32);
});
