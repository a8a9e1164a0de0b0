import type { JSX } from "preact";
import type { Policy } from "../api.ts";
import { formatNumber, formatUnit } from "../numbers.ts";
import { Numbers } from "../page/table.tsx";
import { entropyBuckets } from "./figures.ts";
import type { Reading } from "./readings.ts";

const [width, height, foot] = [420, 140, 20];

/** How sure the CRM was of what it answered, with the threshold above which the LLM is asked. */
export function EntropyHistogram({
  reading,
  policy,
}: {
  readonly reading: Reading;
  readonly policy: Policy | undefined;
}): JSX.Element | null {
  const all = entropyBuckets(reading);
  const total = all.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  const bars = all.map(({ le, count }, i) => ({
    from: all[i - 1]?.le ?? 0,
    to: Math.min(le, Math.LN2),
    count,
  }));
  const shown = bars.filter(({ from, to }) => to > from);
  // Bars of unequal widths: their areas are the counts.
  const heights = shown.map(({ from, to, count }) => count / (to - from));
  const most = Math.max(...heights);
  const x = (nats: number): number => (nats / Math.LN2) * width;
  const threshold = policy?.kind === "threshold" ? policy.entropy : undefined;
  return (
    <section>
      <h3>Entropy of the CRM’s answers, since the start</h3>
      <svg
        class="chart"
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`histogram of ${formatNumber(total)} entropies`}
      >
        {shown.map(({ from, to }, i) => {
          const tall = (heights[i]! / most) * (height - foot - 6);
          const name = threshold !== undefined && from >= threshold ? "of-llm" : "of-crm";
          return (
            <rect
              key={from}
              class={name}
              x={x(from) + 0.5}
              width={Math.max(0, x(to) - x(from) - 1)}
              y={height - foot - tall}
              height={tall}
            />
          );
        })}
        <line class="axis" x1="0" x2={width} y1={height - foot} y2={height - foot} />
        {threshold !== undefined && (
          <line class="threshold" x1={x(threshold)} x2={x(threshold)} y1="2" y2={height - foot} />
        )}
        <text x="0" y={height - 4}>
          0, sure
        </text>
        <text x={width} y={height - 4} text-anchor="end">
          {formatUnit(Math.LN2)}, half and half
        </text>
      </svg>
      <Numbers
        caption="Entropy of the CRM’s answers"
        columns={["up to", "answers"]}
        rows={all.map(({ le, count }) => [le === Infinity ? "any" : formatUnit(le), formatNumber(count)])}
      />
    </section>
  );
}
