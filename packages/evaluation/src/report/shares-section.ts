import type { ShareCurve } from "@corella/routing";
import { formatDifference, formatMetric, formatShare } from "../numbers.ts";
import type { ColourOf } from "./colours.ts";
import { curveFigures } from "./curve-figures.ts";
import type { Curve } from "./report.ts";
import { plainTable } from "./tables.ts";

/** Quality against the share of the samples that goes to the LLM: two pictures and their numbers. */
export function sharesSection({ points, best }: ShareCurve, colourOf?: ColourOf): string {
  if (points.length < 2) return "";
  const curve = (yLabel: string, valueOf: (point: ShareCurve["points"][number]) => number): Curve => ({
    title: `${yLabel} against the share to the LLM`,
    xLabel: "share to the LLM, %",
    yLabel,
    series: [
      {
        name: "validation part, held out",
        points: points.map((point) => [100 * point.share, valueOf(point)]),
      },
    ],
  });
  const figures = curveFigures(
    [curve("AUC", ({ auc }) => auc), curve("logloss", ({ logLoss }) => logLoss)],
    "shares",
    colourOf,
  );
  const rows = points.map(({ share, auc, logLoss, gain }) => [
    formatShare(share),
    formatMetric(auc),
    formatMetric(logLoss),
    formatDifference(gain.mean),
    formatMetric(gain.standardError),
    share === best ? "best" : "",
  ]);
  const columns = ["to the LLM", "AUC", "logloss", "logloss saved", "± standard error", ""];
  return `<section>
<h2>What each share to the LLM brings</h2>
<p class="note">On the validation part, all of it, where the samples that come first in the router’s order go to the LLM. The mixing is learned anew for each share, and each tenth of the users is mixed by what the others teach. Best is the smallest share within one standard error of the lowest logloss.</p>
<div class="curves">
${figures.join("\n")}
</div>
<details><summary>Numbers</summary>${plainTable({ columns, rows })}</details>
</section>`;
}
