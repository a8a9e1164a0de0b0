import type { JSX } from "preact";
import { useCallback } from "preact/hooks";
import { explain, type Asker, type Explanation, type Info, type Mix, type Ranked } from "../api.ts";
import { useLoaded } from "../hooks.ts";
import { formatUnit } from "../numbers.ts";
import { Problem } from "../page/problem.tsx";
import { Facts } from "./facts.tsx";
import { AnswerScale, EntropyScale } from "./scales.tsx";

interface WhyProps {
  readonly info: Info;
  readonly ranked: Ranked;
  /** As the ranking was asked for. */
  readonly asker: Asker;
}

/** Why a candidate went where it went. */
export function Why({ info, ranked, asker }: WhyProps): JSX.Element {
  const { item, entropy, pLlm } = ranked;
  const load = useCallback(() => explain(asker, item), [asker, item]);
  const { value: explanation, error } = useLoaded(load);
  // What the LLM would have said of what was not for it.
  const wouldSay = pLlm === undefined ? explanation?.pLlm : undefined;
  const wouldBe = explanation?.mix?.probability;
  const answers = wouldSay === undefined ? ranked : { ...ranked, pLlm: wouldSay };
  return (
    <div class="why">
      {entropy !== undefined && <EntropyScale entropy={entropy} policy={info.router?.policy} />}
      <AnswerScale answers={answers} />
      <p>
        {mixWords(ranked, info.router?.mix)}
        {wouldSay !== undefined &&
          ` Asked now, to compare, it says ${formatUnit(wouldSay)}${wouldBe === undefined ? "" : `, which would have made ${formatUnit(wouldBe)}`}.`}
      </p>
      <Problem error={error} />
      {explanation === undefined && error === undefined && <p class="note">Asking for the details …</p>}
      {explanation !== undefined && <Details explanation={explanation} />}
    </div>
  );
}

/** Shown by the scales above. */
const drawn = new Set(["entropy", "pCrm", "pLlm", "probability", "route", "latencyMs"]);

function Details({ explanation }: { readonly explanation: Explanation }): JSX.Element {
  const { routing, prompt, features, ...others } = explanation;
  const { text, ...ofPrompt } = prompt ?? {};
  const { why, ...ofRouting } = routing ?? {};
  const rest = Object.fromEntries(
    Object.entries({ ...others, ...(routing === undefined ? {} : { routing: ofRouting }) }).filter(
      ([name, value]) => !drawn.has(name) && value !== undefined,
    ),
  );
  return (
    <>
      {why !== undefined && <p>{why}</p>}
      {text !== undefined && (
        <details>
          <summary>Prompt to the LLM</summary>
          <Facts value={ofPrompt} />
          {/* It scrolls: keys must reach it. */}
          <pre tabIndex={0} role="group" aria-label="prompt">
            {text}
          </pre>
        </details>
      )}
      {features !== undefined && (
        <details>
          <summary>Features of the CRM</summary>
          <Facts name="features" value={features} />
        </details>
      )}
      <details>
        <summary>Everything else</summary>
        <Facts value={rest} />
      </details>
    </>
  );
}

function mixWords({ route, degraded, fallback, pCrm, pLlm }: Ranked, mix: Mix | undefined): string {
  if (fallback !== undefined || (degraded !== undefined && degraded !== false))
    return `It was the LLM's to answer, which it did not${fallback === undefined ? "" : ` (${fallback})`}: this is the CRM's answer.`;
  if (pLlm === undefined) return "The CRM's answer counts; the LLM was not asked.";
  if (pCrm === undefined) return "The LLM's answer counts: the bundle has no other model.";
  if (route === "crm") return "The CRM's answer counts.";
  if (mix?.kind === "addLogits") {
    if (mix.segments !== undefined)
      return "The LLM's logit, times a weight of the sample's segment, is added to the CRM's.";
    const bias = mix.bias === undefined || mix.bias === 0 ? "" : `, and ${formatUnit(mix.bias)}`;
    return `The LLM's logit times ${formatUnit(mix.weight)}${bias} is added to the CRM's.`;
  }
  if (mix?.kind === "replace")
    return mix.calibration === undefined
      ? "The LLM's answer takes the CRM's place."
      : "The LLM's answer, calibrated, takes the CRM's place.";
  return "";
}
