import { createHash } from "node:crypto";
import { stat, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { hashFile } from "@corella/files";
import type { RunConfig } from "../config/config.ts";
import type { RecipeName } from "../config/recipe-names.ts";

/** Part of every key: raise it when what a run or a phase computes changes its meaning. */
const formatVersion = 2;

/** Paths of settings. */
type Paths = readonly string[];

/** They say how a run is called and computed, not what comes of it. The source is known by its contents. */
const free: Paths = [
  "name",
  "checkpointEverySeconds",
  "data.source",
  "runtime.threads",
  "runtime.spinning",
  "runtime.executionProviders",
];

/** What of `routing` is read by the router alone. What is held out of choices is read by every training. */
const ofRouter: Paths = ["routing.share", "routing.policy", "routing.budget", "routing.mix"];

/** What the recipe ctrl alone reads. */
const ofCtrl: Paths = ["textTower", "stages.contrastive"];

/** What the recipe tallrec alone reads. */
const ofTallrec: Paths = ["tallrec"];

/** What the recipe p5 alone reads. */
const ofP5: Paths = ["t5", "stages.p5"];

/** What no CRM that is trained alone reads. */
const besideCrm: Paths = [
  "llm",
  ...ofRouter,
  "routing.validationSamples",
  "stages.joint",
  "stages.llmAlone",
  "stages.distil",
  "stages.skip",
];

/** What no LLM that is tuned alone reads. */
const besideLlm: Paths = [
  "features",
  "crm",
  ...ofRouter,
  "stages.warmUp",
  "stages.joint",
  "stages.llmAlone.offset",
  "stages.llmAlone.heldOut",
  "stages.distil",
  "stages.skip",
  ...ofCtrl,
];

/** What a recipe does not read. A setting that is named nowhere belongs to every key, so that a new one never goes unseen. */
const unreadByRecipe: Readonly<Record<RecipeName, Paths>> = {
  corella: [...ofCtrl, ...ofTallrec],
  "crm-only": ["prompt", ...besideCrm, ...ofCtrl, ...ofTallrec],
  ctrl: [...besideCrm, ...ofTallrec],
  "llm-only": [...besideLlm, ...ofTallrec],
  tallrec: besideLlm,
  p5: [...besideLlm, "stages.llmAlone", ...ofTallrec],
};

/** What a phase does not read, so that runs which differ in nothing else share what it trained. */
const unreadByPhase: Readonly<Record<string, Paths>> = {
  "stage-0": ["recipe", "features", "crm", "routing", "stages", "textTower"],
  "stage-1": ["recipe", "prompt", ...besideCrm, ...ofCtrl],
  "stage-2": ["recipe", ...ofRouter, "stages.llmAlone", "stages.distil", "stages.skip", ...ofCtrl],
  "stage-3": ["recipe", ...ofRouter, "stages.distil", ...ofCtrl],
  "stage-3-crm": [
    "recipe",
    "prompt",
    "llm",
    ...ofRouter,
    "stages.joint",
    "stages.distil",
    "stages.skip",
    ...ofCtrl,
  ],
  contrastive: [
    "recipe",
    "llm",
    "routing",
    "stages.warmUp",
    "stages.joint",
    "stages.llmAlone",
    "stages.distil",
    "stages.skip",
  ],
};

/** What no phase reads, whatever the recipe; what `tallrec` says of training stands in `llm`, `prompt` and `stages` too. */
const ofScoring: Paths = ["testSamples", "routing.validationSamples", ...ofTallrec];

/** The recipe crm-only trains what stage 1 of CoReLLa trains. */
const sameAs: Readonly<Record<string, string>> = { crm: "stage-1" };

/** A configuration as keys are made of it: what its files hold stands in the place of their paths. */
export interface KeyedConfig {
  readonly config: RunConfig;
  /** The hash of what is read from the sources, as `dataKey` gives it. */
  readonly dataKey: string;
  /** Relative paths of the configuration start here. */
  readonly baseFolder: string;
}

/** The key of all that a run predicts. */
export async function resultKey(keyed: KeyedConfig): Promise<string> {
  const { recipe } = keyed.config;
  return hash(["result", await content(keyed, unreadByRecipe[recipe])]);
}

/** The key of what a phase of a run trains. @param phase its name */
export async function phaseKey(keyed: KeyedConfig, phase: string): Promise<string> {
  const name = sameAs[phase] ?? phase;
  const { recipe, stages, prompt } = keyed.config;
  // A later stage that is left out does not change an earlier one; that the warm-up is left out changes all.
  const withoutWarmUp = recipe === "corella" && stages.skip?.includes("warmUp") === true;
  const unread = unreadByPhase[name] ?? unreadByRecipe[recipe];
  // A prompt that says what the CRM says takes the rows that are held out from it.
  const told = name === "stage-2" && prompt.template.includes("crm_percent") ? [stages.llmAlone.heldOut] : [];
  const read = await content(keyed, [...unread, ...ofScoring]);
  return hash([name, name !== "stage-0" && withoutWarmUp, read, ...told]);
}

function hash(parts: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify([formatVersion, parts]))
    .digest("hex")
    .slice(0, 24);
}

async function content({ config, dataKey, baseFolder }: KeyedConfig, unread: Paths): Promise<unknown> {
  const ofOthers = config.recipe === "p5" ? [] : ofP5;
  const left = without(JSON.parse(JSON.stringify(config)), new Set([...free, ...unread, ...ofOthers]), "");
  return [dataKey, await withFiles(left, baseFolder)];
}

/** A value without what stands at some paths, its keys in one order. */
function without(value: unknown, paths: ReadonlySet<string>, place: string): unknown {
  if (Array.isArray(value)) return value.map((each) => without(each, paths, place));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, inner, place === "" ? key : `${place}.${key}`] as const)
      .filter(([, , path]) => !paths.has(path))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner, path]) => [key, without(inner, paths, path)]),
  );
}

/** A value with the names and the hashes of the files of a folder, or with the hash of a file, in the place of its path. */
async function withFiles(value: unknown, baseFolder: string): Promise<unknown> {
  // A mark alone, such as a separator, names no file of the configuration's, though "." and "/" are folders.
  if (typeof value === "string")
    return /[./]/.test(value) && /[\p{L}\p{N}]/u.test(value) ? contents(value, baseFolder) : value;
  if (Array.isArray(value)) return Promise.all(value.map((each) => withFiles(each, baseFolder)));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(async ([key, inner]) => [
    key,
    // A folder is one by its key, however plain its name.
    key === "folder" && typeof inner === "string"
      ? await contents(inner, baseFolder)
      : await withFiles(inner, baseFolder),
  ]);
  return Object.fromEntries(await Promise.all(entries)) as unknown;
}

async function contents(path: string, baseFolder: string): Promise<unknown> {
  const full = resolve(baseFolder, path);
  const names = await readdir(full).catch(() => undefined);
  if (names === undefined) return (await contentHash(full)) ?? path;
  return Promise.all(names.toSorted().map(async (name) => [name, await contentHash(join(full, name))]));
}

/** Hashes by a file's path and state, so that the weights of a large model are read once for all the keys of a process. */
const hashes = new Map<string, Promise<string | undefined>>();

/** The hash of a file that can be read: a model that is copied or fetched again is the same one, whatever its files' times. */
async function contentHash(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) return undefined;
  const state = [path, found.size, found.mtimeMs].join(" ");
  const kept =
    hashes.get(state) ??
    hashFile(path).then(
      ({ sha256 }) => sha256,
      () => undefined,
    );
  hashes.set(state, kept);
  return kept;
}
