import type { JSX } from "preact";
import type { Judgement, Policy } from "../api.ts";
import { formatUnit } from "../numbers.ts";

const [width, left, right] = [320, 12, 308];

/** The entropy of the CRM's answer, from 0 to log 2, with the threshold above which the LLM is asked. */
export function EntropyScale({
  entropy,
  policy,
}: {
  readonly entropy: number;
  readonly policy: Policy | undefined;
}): JSX.Element {
  const at = (nats: number): number =>
    left + (Math.min(Math.max(nats, 0), Math.LN2) / Math.LN2) * (right - left);
  const threshold = policy?.kind === "threshold" ? policy.entropy : undefined;
  const told =
    threshold === undefined
      ? `entropy ${formatUnit(entropy)} of at most ${formatUnit(Math.LN2)}`
      : `entropy ${formatUnit(entropy)}, ${entropy > threshold ? "above" : "not above"} the threshold ${formatUnit(threshold)}`;
  return (
    <figure class="scale">
      <svg viewBox={`0 0 ${width} 62`} role="img" aria-label={told}>
        <rect class="of-crm" x={left} y="26" width={right - left} height="10" rx="2" />
        {threshold !== undefined && (
          <>
            <rect class="of-llm" x={at(threshold)} y="26" width={right - at(threshold)} height="10" rx="2" />
            <line class="threshold" x1={at(threshold)} x2={at(threshold)} y1="18" y2="42" />
            <text x={at(threshold)} y="13" text-anchor={anchor(at(threshold))}>
              threshold {formatUnit(threshold)}
            </text>
          </>
        )}
        <circle class="here" cx={at(entropy)} cy="31" r="6" />
        <text x={at(entropy)} y="55" text-anchor={anchor(at(entropy))}>
          entropy {formatUnit(entropy)}
        </text>
      </svg>
      <figcaption>
        0 is sure, {formatUnit(Math.LN2)} is half and half.{" "}
        {threshold === undefined
          ? policyWords(policy)
          : `Above ${formatUnit(threshold)} the LLM is asked: this one is ${entropy > threshold ? "above" : "not"}.`}
      </figcaption>
    </figure>
  );
}

/** Both models' answers and what became of them, from 0 to 1. */
export function AnswerScale({ answers }: { readonly answers: Judgement }): JSX.Element {
  const { pCrm, pLlm, probability } = answers;
  const at = (p: number): number => left + p * (right - left);
  const told = [
    ...(pCrm === undefined ? [] : [`CRM ${formatUnit(pCrm)}`]),
    ...(pLlm === undefined ? [] : [`LLM ${formatUnit(pLlm)}`]),
    `answer ${formatUnit(probability)}`,
  ].join(", ");
  const [x, y] = [pLlm === undefined ? 0 : at(pLlm), 22];
  return (
    <figure class="scale">
      <svg viewBox={`0 0 ${width} 44`} role="img" aria-label={told}>
        <line class="axis" x1={left} x2={right} y1={y} y2={y} />
        {[0, 0.5, 1].map((p) => (
          <g key={p}>
            <line class="axis" x1={at(p)} x2={at(p)} y1={y - 4} y2={y + 4} />
            <text x={at(p)} y="42" text-anchor="middle">
              {p}
            </text>
          </g>
        ))}
        <line class="answer" x1={at(probability)} x2={at(probability)} y1="4" y2={y + 6} />
        {pCrm !== undefined && <circle class="crm" cx={at(pCrm)} cy={y} r="6" />}
        {pLlm !== undefined && (
          <path class="llm" d={`M${x} ${y - 7}L${x + 7} ${y}L${x} ${y + 7}L${x - 7} ${y}Z`} />
        )}
      </svg>
      <figcaption class="legend">
        {pCrm !== undefined && <span class="key crm">CRM {formatUnit(pCrm)}</span>}
        {pLlm !== undefined && <span class="key llm">LLM {formatUnit(pLlm)}</span>}
        <span class="key answer">answer {formatUnit(probability)}</span>
      </figcaption>
    </figure>
  );
}

function anchor(x: number): "start" | "middle" | "end" {
  if (x < 60) return "start";
  return x > width - 60 ? "end" : "middle";
}

function policyWords(policy: Policy | undefined): string {
  switch (policy?.kind) {
    case "budget":
      return `The least certain ${formatUnit(policy.share)} of the samples go to the LLM.`;
    case "gain":
      return "Whom to ask was learned: entropy alone does not decide.";
    case "all":
      return "The LLM is asked about everything.";
    case "none":
      return "The LLM is asked about nothing.";
    default:
      return "";
  }
}
