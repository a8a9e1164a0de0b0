/**
 * How long to wait before the next attempt, after `tries` failed ones: uniform up to a limit that doubles, so that many
 * clients do not come back together ("full jitter").
 * @param random uniform in [0, 1)
 */
export function backoffMs(tries: number, firstMs: number, longestMs: number, random: number): number {
  return random * Math.min(longestMs, firstMs * 2 ** (tries - 1));
}

/** The wait that a Retry-After header asks for: seconds, or a date (RFC 9110, 10.2.3). */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
