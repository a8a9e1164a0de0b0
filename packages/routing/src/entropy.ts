/** Eq. 1 of the paper: s = -p log p - (1 - p) log(1 - p), in nats; 0 at 0 and 1, log 2 at 0.5. NaN outside [0, 1]. */
export function predictionEntropy(p: number): number {
  if (p === 0 || p === 1) return 0;
  return -p * Math.log(p) - (1 - p) * Math.log1p(-p);
}
