import type { BundleContents } from "@corella/bundle";
import type { ShareCurve } from "@corella/routing";
import type { PartPredictions } from "../predictions.ts";
import type { Run } from "../run.ts";

/** What a recipe makes of a run. */
export interface RecipeResult {
  /** The models, and what they need for a prediction. */
  readonly models: Pick<BundleContents, "crm" | "llm" | "router" | "routingCurve">;
  /** What the models say of the test part. */
  readonly test: PartPredictions;
  /** What they say of the rows of the validation part that were scored, under names of `test`; absent where none were. */
  readonly validation?: PartPredictions;
  /** Name of the predictions that the others are compared with; absent where there is nothing to compare. */
  readonly baseline?: string;
  /** Name of the predictions that the bundle gives. */
  readonly served: string;
  /** What each share of the samples to the LLM brings on the validation part; only of two models. */
  readonly shares?: ShareCurve | undefined;
  /** Numbers of the recipe's own, for a report. */
  readonly facts: readonly { readonly label: string; readonly value: string }[];
}

/**
 * A way from data to models, chosen by `recipe:` in the configuration. It checks first what would end a later phase.
 * @throws CorellaError what data and configuration do not allow, before the first phase; later `train/interrupted`, `train/diverged`
 */
export type Recipe = (run: Run) => Promise<RecipeResult>;
