import type { ConfidenceGroup } from "../entropy.ts";
import { formatLevel } from "../numbers.ts";
import { drawConfidenceGroups } from "./charts/groups.ts";
import type { ColourOf } from "./colours.ts";
import { legend } from "./legend.ts";
import { inBothWidths } from "./widths.ts";

/** The paper's figure 1 under its heading; empty without groups that have an AUC. @param level coverage of the intervals @param colourOf models; default: in their order */
export function confidenceSection(
  groups: readonly ConfidenceGroup[] | undefined,
  level: number,
  colourOf?: ColourOf,
): string {
  // Of one class no group has an AUC.
  const isDrawn = groups?.some(({ models }) => models.some(({ auc }) => Number.isFinite(auc.estimate)));
  if (groups === undefined || isDrawn !== true) return "";
  const { models } = groups[0]!;
  const names = models.map(({ title }) => title);
  const colours = models.map(({ name }, place) => colourOf?.(name) ?? place);
  return `<section>
<h2>Where the CRM is unsure</h2>
<figure>
<h3>AUC by the CRM’s confidence</h3>
<p class="note">Equal groups of samples by the entropy of the CRM’s prediction, in nats: the higher, the less confident. Bars stand on 0.5, the AUC of guessing; whiskers are ${formatLevel(level)} intervals.</p>
${legend(names, colours)}
${inBothWidths("groups", (picture) => drawConfidenceGroups(groups, colours, picture))}
</figure>
</section>`;
}
