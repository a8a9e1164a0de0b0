import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { getMetrics, type CurvePoint, type Info, type Policy } from "../api.ts";
import { LineChart } from "../charts/line-chart.tsx";
import { interpolate } from "../charts/scales.ts";
import { settled } from "../hooks.ts";
import { secondsPerLlmRow } from "../metrics/figures.ts";
import { parsePrometheus } from "../metrics/prometheus.ts";
import { formatNumber, formatShare, formatUnit } from "../numbers.ts";
import { Numbers } from "../page/table.tsx";

type Curve = NonNullable<Info["routingCurve"]>;

/** Quality against the share of the samples that goes to the LLM, and what a budget buys. */
export function SharePage({ info, active }: { readonly info: Info; readonly active: boolean }): JSX.Element {
  const { routingCurve: curve, models, router } = info;
  return (
    <>
      <h2>What a budget for the LLM buys</h2>
      {curve !== undefined && curve.points.length > 1 ? (
        <Budget curve={curve} policy={router?.policy} active={active} />
      ) : (
        <p>
          {models.crm === undefined || models.llm === undefined
            ? "This bundle has one model: nothing is shared between two."
            : "This bundle was made before bundles told this curve: train it again to see it here."}
        </p>
      )}
    </>
  );
}

interface BudgetProps {
  readonly curve: Curve;
  readonly policy: Policy | undefined;
  readonly active: boolean;
}

function Budget({ curve, policy, active }: BudgetProps): JSX.Element {
  const { points, best } = curve;
  const most = points.at(-1)!.share;
  const served = servedShare(points, policy);
  const [percent, setPercent] = useState(() => Math.round(100 * (served ?? best)));
  const [msPerCall, setMsPerCall] = useState<number>();
  const [perSecond, setPerSecond] = useState(100);
  useEffect(() => {
    if (!active || msPerCall !== undefined) return;
    const measure = async (): Promise<void> => {
      // Only a first value of a field: without metrics it is typed.
      const { value: text } = await settled(getMetrics());
      if (text === undefined) return;
      const seconds = secondsPerLlmRow({ at: 0, samples: parsePrometheus(text) });
      if (seconds !== undefined) setMsPerCall((typed) => typed ?? Number((1000 * seconds).toPrecision(3)));
    };
    void measure();
  }, [active, msPerCall]);
  const share = Math.min(percent / 100, most);
  const aucs = lineOf(points, ({ auc }) => auc);
  const losses = lineOf(points, ({ logLoss }) => logLoss);
  const [auc, logLoss] = [interpolate(aucs, share), interpolate(losses, share)];
  const marked = [
    { x: best, class: "best" },
    ...(served === undefined ? [] : [{ x: served, class: "served" }]),
  ];
  const chart = { xLabel: "share to the LLM", formatX: formatShare, at: share, marked };
  return (
    <>
      <p class="note">
        On the validation part of training, where the samples that come first in the router’s order go to the
        LLM. The mixing was learned anew for each share, and no user is mixed by what they teach themselves.
      </p>
      <div class="slider">
        <label for="share">Share of the samples that the LLM answers</label>
        <input
          id="share"
          type="range"
          min="0"
          max={Math.round(100 * most)}
          step="1"
          value={percent}
          aria-valuetext={`${percent} %`}
          onInput={(event) => setPercent(event.currentTarget.valueAsNumber)}
        />
        <output for="share">{percent} %</output>
      </div>
      <dl class="tiles bought">
        <Bought name="AUC" value={formatDigits(auc, 4)} note={difference(auc, aucs[0]?.[1], 4)} />
        <Bought
          name="logloss"
          value={formatDigits(logLoss, 4)}
          note={difference(logLoss, losses[0]?.[1], 4)}
        />
        <Bought
          name="LLM calls per 1,000 samples"
          value={formatNumber(1000 * share)}
          note={thresholdWords(points, share)}
        />
        <Bought
          name={`LLM at work, at ${formatNumber(perSecond)} samples a second`}
          value={msPerCall === undefined ? "–" : formatShare((perSecond * share * msPerCall) / 1000)}
          note="of one LLM lane’s time; above 100 % it cannot keep up"
        />
      </dl>
      <p class="row">
        <label class="inline">
          milliseconds an LLM call{" "}
          <input
            type="number"
            min="0"
            step="any"
            value={msPerCall ?? ""}
            onInput={(event) => setMsPerCall(numberOr(event.currentTarget.valueAsNumber, undefined))}
          />
        </label>
        <label class="inline">
          samples a second{" "}
          <input
            type="number"
            min="0"
            step="any"
            value={perSecond}
            onInput={(event) => setPerSecond(numberOr(event.currentTarget.valueAsNumber, 0))}
          />
        </label>
      </p>
      <div class="columns even">
        {aucs.length > 1 && (
          <LineChart
            {...chart}
            label={`AUC by share to the LLM: from ${formatDigits(aucs[0]![1], 4)} for the CRM alone to ${formatDigits(aucs.at(-1)![1], 4)}`}
            yLabel="AUC"
            points={aucs}
            formatY={(y) => y.toFixed(4)}
            value={auc}
          />
        )}
        <LineChart
          {...chart}
          label={`logloss by share to the LLM: from ${formatDigits(losses[0]![1], 4)} for the CRM alone to ${formatDigits(losses.at(-1)![1], 4)}`}
          yLabel="logloss"
          points={losses}
          formatY={(y) => y.toFixed(4)}
          value={logLoss}
        />
      </div>
      <p class="legend">
        <span class="key best">best but for one standard error: {formatShare(best)}</span>
        {served !== undefined && <span class="key served">as served: {formatShare(served)}</span>}
        <span class="key cursor">the slider</span>
      </p>
      <Numbers
        caption="Quality by share to the LLM"
        columns={["to the LLM", "entropy above", "AUC", "logloss", "logloss saved", "± standard error"]}
        rows={points.map((point) => [
          formatShare(point.share),
          point.threshold === null ? "–" : formatUnit(point.threshold),
          formatDigits(point.auc ?? undefined, 4),
          formatDigits(point.logLoss, 4),
          formatDigits(point.gain, 5),
          formatDigits(point.standardError ?? undefined, 5),
        ])}
      />
    </>
  );
}

function Bought({
  name,
  value,
  note,
}: {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}): JSX.Element {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        <span class="figure">{value}</span>
        <span class="note">{note}</span>
      </dd>
    </div>
  );
}

/** The share of the validation rows that the bundle's own policy sends; undefined where the curve does not tell. */
function servedShare(points: readonly CurvePoint[], policy: Policy | undefined): number | undefined {
  switch (policy?.kind) {
    case "none":
      return 0;
    case "all":
      return points.at(-1)!.share;
    case "budget":
      return policy.share;
    case "threshold":
      return points.findLast(({ threshold }) => threshold !== null && threshold >= policy.entropy)?.share;
    default:
      return undefined;
  }
}

function thresholdWords(points: readonly CurvePoint[], share: number): string {
  const point = points.findLast((each) => each.share <= share + 1e-9);
  if (point === undefined || point.threshold === null) return "chosen by the gain that was learned";
  return `entropy above ${formatUnit(point.threshold)} sends ${formatShare(point.share)}`;
}

function lineOf(
  points: readonly CurvePoint[],
  valueOf: (point: CurvePoint) => number | null,
): (readonly [number, number])[] {
  return points.flatMap((point) => {
    const value = valueOf(point);
    return value === null ? [] : [[point.share, value] as const];
  });
}

function formatDigits(value: number | undefined, digits: number): string {
  return value === undefined ? "–" : value.toFixed(digits);
}

function difference(value: number | undefined, from: number | undefined, digits: number): string {
  if (value === undefined || from === undefined) return "";
  const by = value - from;
  return `${by < 0 ? "−" : "+"}${Math.abs(by).toFixed(digits)} against the CRM alone`;
}

function numberOr<T>(value: number, other: T): number | T {
  return Number.isFinite(value) && value >= 0 ? value : other;
}
