/** Linear from 0 over the warm-up steps, then along a half cosine to `floor` at the last step. @param step from 0 */
export function cosineWithWarmup(steps: number, warmupSteps: number, floor = 0): (step: number) => number {
  return (step) => {
    if (step < warmupSteps) return (step + 1) / warmupSteps;
    const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
    return floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)));
  };
}
