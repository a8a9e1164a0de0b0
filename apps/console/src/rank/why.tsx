import type { JSX } from "preact";
import { useCallback } from "preact/hooks";
import {
  explain,
  type Asker,
  type Explanation,
  type Info,
  type LlmUse,
  type Mix,
  type Ranked,
} from "../api.ts";
import { useLoaded } from "../hooks.ts";
import { Problem } from "../page/problem.tsx";
import { formatUnit } from "../numbers.ts";
import { Facts } from "./facts.tsx";
import { AnswerScale, EntropyScale } from "./scales.tsx";

interface WhyProps {
  readonly info: Info;
  readonly ranked: Ranked;
  /** As the ranking was asked for. */
  readonly asker: Asker;
  readonly llm: LlmUse;
}

/** Why a candidate went where it went. */
export function Why({ info, ranked, asker, llm }: WhyProps): JSX.Element {
  const { item, entropy } = ranked;
  const load = useCallback(() => explain(asker, item, llm), [asker, item, llm]);
  const { value: explanation, error } = useLoaded(load);
  return (
    <div class="why">
      {entropy !== undefined && <EntropyScale entropy={entropy} policy={info.router?.policy} />}
      <AnswerScale judgement={ranked} />
      <p>{mixWords(ranked, info.router?.mix)}</p>
      <Problem error={error} />
      {explanation === undefined && error === undefined && <p class="note">Asking for the details …</p>}
      {explanation !== undefined && <Details explanation={explanation} />}
    </div>
  );
}

/** Shown by the scales above. */
const shownElsewhere = new Set(["entropy", "pCrm", "pLlm", "probability", "route", "latencyMs"]);

function Details({ explanation }: { readonly explanation: Explanation }): JSX.Element {
  const { why, prompt, features, ...others } = explanation;
  const { text, ...ofPrompt } = promptOf(prompt);
  const rest = Object.fromEntries(
    Object.entries(others).filter(([name, value]) => !shownElsewhere.has(name) && value !== undefined),
  );
  return (
    <>
      {why !== undefined && (
        <p>
          <Facts value={why} />
        </p>
      )}
      {text !== undefined && (
        <details>
          <summary>Prompt to the LLM</summary>
          {Object.keys(ofPrompt).length > 0 && <Facts value={ofPrompt} />}
          {/* It scrolls: keys must reach it. */}
          {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
          <pre tabIndex={0} role="region" aria-label="prompt">
            {text}
          </pre>
        </details>
      )}
      {features !== undefined && (
        <details>
          <summary>Features of the CRM</summary>
          <Facts value={features} />
        </details>
      )}
      {Object.keys(rest).length > 0 && (
        <details>
          <summary>Everything else</summary>
          <Facts value={rest} />
        </details>
      )}
    </>
  );
}

function promptOf(prompt: unknown): { readonly text?: string; readonly [other: string]: unknown } {
  if (typeof prompt === "string") return { text: prompt };
  if (typeof prompt !== "object" || prompt === null) return {};
  const { text, ...others } = prompt as Record<string, unknown>;
  return { ...others, ...(typeof text === "string" ? { text } : {}) };
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
