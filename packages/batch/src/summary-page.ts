import { formatCount, formatShare, renderPage } from "@corella/evaluation";
import type { Plan } from "./plan-format.ts";
import { scoreBins, type Summary } from "./summary.ts";

/** Above this the population is another one. */
const strongDrift = 0.25;

/** The page of a scored plan, which needs no other file: how the answers are spread, who gave them, and how far they are from the validation part. */
export function summaryPage(plan: Plan, summary: Summary): string {
  const { rows, malformed, mean, byLlm, histogram, drift } = summary;
  const answered = Math.max(rows - malformed, 1);
  const warnings = [
    ...(drift !== undefined && drift.psi > strongDrift
      ? [
          `The answers are spread otherwise than those to the validation part (PSI ${drift.psi.toFixed(2)}). Look whether the rows are of other users or items, or train again.`,
        ]
      : []),
    ...(malformed > 0
      ? [`${formatCount(malformed)} rows could not be asked; the column reason says why.`]
      : []),
  ];
  return renderPage({
    title: `corella: ${formatCount(rows)} rows scored by ${plan.bundle.name}`,
    subtitle: `${plan.inputs.map(({ path }) => path).join(", ")}; plan ${plan.hash.slice(0, 12)}`,
    summary: [
      { label: "rows", value: formatCount(rows) },
      { label: "mean probability", value: mean.toFixed(4) },
      { label: "answered by the LLM", value: formatShare(byLlm / answered) },
      ...(drift === undefined ? [] : [{ label: "PSI to the validation part", value: drift.psi.toFixed(3) }]),
      ...(malformed === 0 ? [] : [{ label: "without an answer", value: formatCount(malformed) }]),
    ],
    warnings,
    tables: [
      ...(drift === undefined
        ? []
        : [
            {
              heading: "Drift against the validation part",
              note: "Shares of the rows between the deciles of the answers to the validation part.",
              table: {
                columns: ["probability up to", "validation", "these rows"],
                rows: [...drift.edges, 1].map((edge, bin) => [
                  edge.toFixed(4),
                  formatShare(drift.expected[bin]!),
                  formatShare(drift.shares[bin]!),
                ]),
              },
            },
            {
              heading: "Who answers",
              table: {
                columns: ["", "validation", "these rows"],
                rows: [["share to the LLM", formatShare(drift.expectedToLlm), formatShare(byLlm / answered)]],
              },
            },
          ]),
      {
        heading: "Inputs",
        table: {
          columns: ["file", "rows", "SHA-256"],
          rows: plan.inputs.map(({ path, rows: count, sha256 }) => [
            path,
            formatCount(count),
            sha256.slice(0, 12),
          ]),
        },
      },
    ],
    charts: [
      {
        title: "Probabilities",
        xLabel: "probability",
        yLabel: "rows",
        series: ["CRM", "LLM"],
        bars: histogram.crm.map((count, bin) => ({
          label: (bin / scoreBins).toFixed(2),
          values: [count, histogram.llm[bin]!],
        })),
      },
    ],
    glossary: [
      {
        term: "PSI",
        meaning:
          "Population stability index over the deciles of the validation part: below 0.1 nothing has moved, above 0.25 it is another population.",
      },
    ],
  });
}
