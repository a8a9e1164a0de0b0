import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CorellaError } from "@corella/errors";
import { getHFHubCachePath, HubApiError, listFiles, modelInfo } from "@huggingface/hub";
import { writeFileAtomic } from "@corella/files";
import { fetchFile, type HubConnection, type HubFile, type HubProgress } from "./fetch-file.ts";
import { parseHubReference, type HubReference } from "./reference.ts";

/** Where models of the hub come from and where they are kept. */
export interface HubOptions {
  /** Default: where Hugging Face's own tools keep theirs (HF_HUB_CACHE, HF_HOME, ~/.cache/huggingface/hub). */
  readonly cacheFolder?: string | undefined;
  /** Default HF_ENDPOINT, or https://huggingface.co. A token for models that need one comes from HF_TOKEN. */
  readonly hubUrl?: string | undefined;
  readonly onProgress?: ((progress: HubProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What `loadPretrained` reads; some repositories hold the same weights in other files as well. */
const wanted =
  /^(config\.json|tokenizer\.json|tokenizer_config\.json|chat_template\.jinja|model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json)$/;

/** Beside a snapshot's files, when all that is wanted is there. */
const completeName = ".corella-complete";

/**
 * Brings a model's files into the cache, as Hugging Face's own tools lay it out, and says in which folder they are. What is
 * there already is not fetched again, half a file is fetched on from its end, and a whole snapshot needs no internet.
 * @param source `hf:owner/name` or `hf:owner/name@revision`
 * @throws CorellaError `llm/hub-reference`, `llm/hub-unreachable`, `llm/hub-not-found`, `llm/hub-access`, `llm/hub-damaged`
 */
export async function fetchModel(source: string, options: HubOptions = {}): Promise<string> {
  const reference = parseHubReference(source);
  const hubUrl = (options.hubUrl ?? process.env["HF_ENDPOINT"] ?? "https://huggingface.co").replace(
    /\/+$/,
    "",
  );
  const token = process.env["HF_TOKEN"];
  const connection: HubConnection = {
    name: reference.name,
    hubUrl,
    ...(token === undefined || token === "" ? {} : { accessToken: token }),
    fetch: (input, init) =>
      fetch(input, options.signal === undefined ? init : { ...init, signal: options.signal }),
  };
  const cache = options.cacheFolder ?? getHFHubCachePath();
  const folder = join(cache, `models--${reference.name.replace("/", "--")}`);
  const reached = await currentCommit(connection, reference, folder, options.signal);
  const snapshot = join(folder, "snapshots", reached.commit);
  if (existsSync(join(snapshot, completeName))) return snapshot;
  if (!reached.online) throw unreachable(source, hubUrl, reached.cause);
  try {
    const files: HubFile[] = [];
    for await (const entry of listFiles({ ...connection, repo: reference.name, revision: reached.commit }))
      if (entry.type === "file" && wanted.test(entry.path))
        files.push({ path: entry.path, size: entry.size, sha256: entry.lfs?.oid });
    await mkdir(snapshot, { recursive: true });
    for (const file of files) await fetchFile(connection, reached.commit, file, snapshot, options.onProgress);
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw asHubError(cause, source, hubUrl);
  }
  const refPath = join(folder, "refs", reference.revision);
  await mkdir(dirname(refPath), { recursive: true });
  await writeFileAtomic(refPath, reached.commit);
  await writeFileAtomic(join(snapshot, completeName), "");
  return snapshot;
}

type Reached =
  | { readonly online: true; readonly commit: string }
  | { readonly online: false; readonly commit: string; readonly cause: unknown };

/** The commit of a revision, from the hub or, without internet, as it was when the model was fetched. */
async function currentCommit(
  connection: HubConnection,
  { name, revision }: HubReference,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Reached> {
  const isCommit = /^[0-9a-f]{40}$/.test(revision);
  if (isCommit && existsSync(join(folder, "snapshots", revision, completeName)))
    return { online: true, commit: revision };
  try {
    const { sha } = await modelInfo({ ...connection, name, revision, additionalFields: ["sha"] });
    return { online: true, commit: sha };
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof HubApiError && cause.statusCode < 500)
      throw asHubError(cause, `hf:${name}@${revision}`, connection.hubUrl);
    const known = await readFile(join(folder, "refs", revision), "utf8").catch(() => undefined);
    if (known === undefined) throw unreachable(`hf:${name}@${revision}`, connection.hubUrl, cause);
    return { online: false, commit: known.trim(), cause };
  }
}

function asHubError(cause: unknown, source: string, hubUrl: string): unknown {
  if (CorellaError.isInstance(cause)) return cause;
  if (!(cause instanceof HubApiError) || cause.statusCode >= 500) return unreachable(source, hubUrl, cause);
  if (cause.statusCode === 404) {
    return new CorellaError({
      code: "llm/hub-not-found",
      message: "The hub has no such model or revision.",
      place: source,
      remedy: "Check owner, name and revision; for a private model set HF_TOKEN.",
      cause,
    });
  }
  return new CorellaError({
    code: "llm/hub-access",
    message: `The hub refuses the model (${cause.statusCode}).`,
    place: source,
    remedy: "Accept the model's licence on its page, and set HF_TOKEN to a token of that account.",
    cause,
  });
}

function unreachable(source: string, hubUrl: string, cause: unknown): CorellaError {
  const inner =
    cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : String(cause);
  return new CorellaError({
    code: "llm/hub-unreachable",
    message: `The model is not (wholly) in the cache, and the hub cannot be reached: ${inner}.`,
    place: `${source} at ${hubUrl}`,
    remedy:
      "Connect to the internet or set HF_ENDPOINT to a mirror, or fetch the files elsewhere and name their folder.",
    cause,
  });
}
