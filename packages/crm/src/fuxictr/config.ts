import { CorellaError, nearestName } from "@corella/errors";
import type { CrmConfig } from "../registry.ts";
import { translations } from "./translations.ts";

/** What FuxiCTR's configurations say of training, data and files, and so belongs elsewhere here. */
const elsewhere = new Set(
  `embedding_regularizer net_regularizer learning_rate optimizer metrics model_root verbose gpu model_id model
  dataset_id batch_size epochs shuffle seed monitor monitor_mode early_stop_patience eval_steps save_best_only
  reduce_lr_on_plateau num_workers pickle_feature_encoder debug_mode group_id feature_config`.split(/\s+/),
);

/** Parameters that may have these values only, whatever the model. */
const only: Readonly<Record<string, readonly unknown[]>> = {
  task: ["binary_classification"],
  loss: ["binary_crossentropy", "binary_cross_entropy", "bce"],
  use_features: [null],
  feature_specs: [null],
};

/**
 * Translates a FuxiCTR configuration of one of its models into the config of our model that computes the same.
 * @param model FuxiCTR's name of the model
 * @throws CorellaError `crm/fuxictr` for a model, or a parameter that matters, without a counterpart here
 */
export function fromFuxiCtrConfig(model: string, config: Readonly<Record<string, unknown>>): CrmConfig {
  const translation = translations[model];
  if (translation === undefined) {
    throw new CorellaError({
      code: "crm/fuxictr",
      message: `FuxiCTR's model ${model} has no counterpart.`,
      place: "model",
      remedy: `Use one of ${Object.keys(translations).join(", ")}.`,
    });
  }
  const ours: Record<string, unknown> = { model: translation.model ?? model, ...translation.implied };
  const given = { ...translation.defaults, ...config };
  const translates = new Map(Object.entries(translation.parameters));
  const permitted = new Map(Object.entries({ ...only, ...translation.only }));
  for (const [name, value] of Object.entries(given)) {
    if (elsewhere.has(name)) continue;
    const translate = translates.get(name);
    if (translate !== undefined) {
      for (const [path, translated] of Object.entries(translate(value))) put(ours, path, translated);
      continue;
    }
    const values = permitted.get(name);
    if (values?.includes(value) === true) continue;
    const near = nearestName(name, [...translates.keys()]);
    const otherwise = near === undefined ? "Leave it out." : `Did you mean ${near}?`;
    throw new CorellaError({
      code: "crm/fuxictr",
      message: `FuxiCTR's parameter ${name} = ${JSON.stringify(value)} of ${model} has no counterpart.`,
      place: name,
      remedy: values === undefined ? otherwise : `It may be ${values.join(" or ")}.`,
    });
  }
  if (given["use_low_rank_mixture"] === true) {
    ours["lowRank"] = { rank: given["low_rank"], experts: given["num_experts"] };
  }
  return ours as CrmConfig;
}

/** Sets `a.b` of an object, making what is missing on the way. */
function put(object: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split(".");
  let inner = object;
  for (const key of keys.slice(0, -1)) inner = (inner[key] ??= {}) as Record<string, unknown>;
  inner[keys.at(-1)!] = value;
}
