import { CorellaError, nearestName } from "@corella/errors";
import type { CrmConfig } from "../registry.ts";
import { translations } from "./translations.ts";

/** What FuxiCTR's models take that is about training or files, and so belongs elsewhere here. */
const training = new Set(
  "embedding_regularizer net_regularizer learning_rate optimizer loss task metrics model_root verbose gpu model_id".split(
    " ",
  ),
);

/** The config of our model that computes what FuxiCTR's does. @throws CorellaError `crm/fuxictr` */
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
  for (const [name, value] of Object.entries(given)) {
    if (training.has(name)) continue;
    const translate = translation.parameters[name];
    if (translate !== undefined) {
      for (const [path, translated] of Object.entries(translate(value))) put(ours, path, translated);
      continue;
    }
    if (Object.hasOwn(translation.only ?? {}, name) && translation.only![name] === value) continue;
    const near = nearestName(name, Object.keys(translation.parameters));
    throw new CorellaError({
      code: "crm/fuxictr",
      message: `FuxiCTR's parameter ${name} = ${JSON.stringify(value)} of ${model} has no counterpart.`,
      place: name,
      remedy: near === undefined ? "Leave it out." : `Did you mean ${near}?`,
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
