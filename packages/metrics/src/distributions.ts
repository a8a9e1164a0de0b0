// Good to about 1e-14; the tests hold them against scipy.

/** P(|Z| >= |z|) of the standard normal distribution. Small tails keep their relative precision. */
export function normalTwoSided(z: number): number {
  return complementaryError(Math.abs(z) / Math.SQRT2);
}

/** P(|T| >= |t|) of Student's t distribution: I_x(n/2, 1/2) with x = n / (n + t^2). Abramowitz & Stegun 26.7.1, 26.5.27. */
export function studentTTwoSided(t: number, degreesOfFreedom: number): number {
  if (Number.isNaN(t)) return Number.NaN;
  if (!Number.isFinite(t)) return 0;
  const a = degreesOfFreedom / 2;
  const x = degreesOfFreedom / (degreesOfFreedom + t * t);
  const y = (t * t) / (degreesOfFreedom + t * t);
  // x^a y^(1/2) / B(a, 1/2), in logarithms where x is near 1
  const logFront = -a * Math.log1p((t * t) / degreesOfFreedom) + logGammaHalfStep(a) - Math.log(Math.PI) / 2;
  const front = Math.exp(logFront) * Math.sqrt(y);
  // The continued fraction converges fast below the mean of the beta distribution: above it, take the other tail.
  if (x < (a + 1) / (a + 2.5)) return (front * betaContinuedFraction(x, a, 0.5)) / a;
  return 1 - (front * betaContinuedFraction(y, 0.5, a)) / 0.5;
}

/** The t >= 0 with P(|T| >= t) = p of Student's t distribution, by bisection on a scale without an end. @param p in (0, 1) */
export function studentTQuantile(p: number, degreesOfFreedom: number): number {
  // t = s / (1 - s) with s in (0, 1); the probability falls with t
  let low = 0;
  let high = 1;
  for (;;) {
    const middle = (low + high) / 2;
    const t = middle / (1 - middle);
    if (middle === low || middle === high) return t;
    if (studentTTwoSided(t, degreesOfFreedom) > p) low = middle;
    else high = middle;
  }
}

/** erfc(x) for x >= 0: Abramowitz & Stegun 7.1.6 (series) up to 2.5, 7.1.14 (continued fraction) beyond. */
function complementaryError(x: number): number {
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  // sqrt(pi) e^(x^2) erfc(x) = 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + ...)))), evaluated from its far end
  let tail = x;
  for (let n = 120; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}

/**
 * log(gamma(a + 1/2) / gamma(a)): Stirling's series of both, subtracted by hand because for a million degrees of
 * freedom two log-gammas would leave nine digits. Small `a` are raised by gamma(a + 1) = a gamma(a).
 */
function logGammaHalfStep(a: number): number {
  let lift = 0;
  let b = a;
  for (; b < 20; b++) lift += Math.log(b / (b + 0.5));
  const c = b + 0.5;
  return lift + b * Math.log1p(0.5 / b) + Math.log(b) / 2 - 0.5 + stirlingRest(c) - stirlingRest(b);
}

/** log gamma(a) - ((a - 1/2) log a - a + log(2 pi)/2), Abramowitz & Stegun 6.1.41. */
function stirlingRest(a: number): number {
  const r = 1 / (a * a);
  return (
    (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - (r * 691) / 360_360))))) / a
  );
}

/** The fraction of I_x(a, b), Abramowitz & Stegun 26.5.8, by Lentz's method. */
function betaContinuedFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let fraction = 1;
  let c = 1;
  let d = 0;
  for (let n = 1; n < 100_000; n++) {
    const m = Math.floor(n / 2);
    const coefficient =
      n % 2 === 0
        ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
        : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + coefficient * d;
    if (Math.abs(d) < tiny) d = tiny;
    d = 1 / d;
    c = 1 + coefficient / c;
    if (Math.abs(c) < tiny) c = tiny;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return 1 / fraction;
}
