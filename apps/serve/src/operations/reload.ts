import { CorellaError, formatError } from "@corella/errors";
import type { ServedDeployments } from "../deployment/deployments.ts";
import { bundleVersion } from "../deployment/info.ts";
import type { OpenedDeployment } from "../deployment/open-deployment.ts";
import type { Log } from "./log.ts";

/** Where the bundle of a deployment comes from. */
export interface BundleSource {
  /** The folder as it is now: a fixed one, or that of the newest run. */
  folder(): Promise<string>;
  /** @param oneByOne its models one after the other, while another bundle answers on the same cores */
  open(folder: string, oneByOne?: boolean): Promise<OpenedDeployment>;
}

/** What became of a deployment. */
export interface Reloaded {
  readonly name: string;
  readonly version: string;
  /** The version before, where it is another. */
  readonly replaced?: string;
}

/** Reads bundles again. */
export interface Reload {
  /**
   * Loads what has changed beside what is served, warms it up, and then switches: requests that run are finished by what they began
   * with, and nobody waits. Resolves after the switch. A bundle that cannot be loaded leaves the one before in its place.
   * @throws CorellaError `serve/reload-running` while another is not over, with what was replaced disposed;
   * `serve/reload-failed` with the reason of the first that could not be loaded
   */
  now(): Promise<readonly Reloaded[]>;
  /** Resolves when nothing is being loaded or disposed any more. */
  settled(): Promise<void>;
}

/**
 * Reloads deployments.
 * @param sources of the deployments, in their order
 */
export function createReload(
  deployments: ServedDeployments,
  sources: readonly BundleSource[],
  log: Log,
): Reload {
  let running: Promise<unknown> | undefined;
  let disposing: Promise<void>[] = [];

  const reloadPlace = async (place: number, source: BundleSource): Promise<Reloaded> => {
    const { bundle } = deployments.all()[place]!.info;
    const folder = await source.folder();
    if ((await bundleVersion(folder)) === bundle.version) return bundle;
    const startedMs = performance.now();
    const next = await source.open(folder, true);
    try {
      await next.loaded;
    } catch (error) {
      await next.dispose();
      throw error;
    }
    const { name, version } = next.deployment.info.bundle;
    const disposed = deployments.replace(place, next).catch((error: unknown) => {
      log(`what was replaced could not be closed: ${formatError(error)}`, { level: "error" });
    });
    disposing.push(disposed);
    const ms = Math.round(performance.now() - startedMs);
    log(`corella serves ${folder}, version ${version} after ${bundle.version} (${ms} ms to load)`, {
      bundle: name,
      version,
    });
    return { name, version, replaced: bundle.version };
  };

  const reload = async (): Promise<readonly Reloaded[]> => {
    const results: Reloaded[] = [];
    let failure: CorellaError | undefined;
    // One after the other: each is loaded beside all that are served.
    for (const [place, source] of sources.entries()) {
      const { name, version } = deployments.all()[place]!.info.bundle;
      try {
        results.push(await reloadPlace(place, source));
      } catch (cause) {
        log(`${name} ${version} is served on, the reload failed: ${formatError(cause)}`, { level: "error" });
        failure ??= reloadFailed(`${name}/${version}`, cause);
      }
    }
    if (failure !== undefined) throw failure;
    return results;
  };

  return {
    async now() {
      if (running !== undefined) throw reloadRunning();
      const switched = reload();
      const over = switched
        .catch(() => {})
        .then(() => Promise.all(disposing))
        .finally(() => {
          disposing = [];
          running = undefined;
        });
      running = over;
      return switched;
    },
    async settled() {
      await running;
    },
  };
}

function reloadRunning(): CorellaError {
  return new CorellaError({
    code: "serve/reload-running",
    message: "Another reload is not over.",
    remedy: "Wait until what it replaced is no longer needed, and try again.",
  });
}

function reloadFailed(place: string, cause: unknown): CorellaError {
  const reason = CorellaError.isInstance(cause) ? `${cause.code}: ${cause.message}` : String(cause);
  return new CorellaError({
    code: "serve/reload-failed",
    message: `The bundle could not be loaded, the one before is served on: ${reason}`,
    place,
    remedy: "Mend the bundle, and try again; the server's log says more.",
    cause,
  });
}
