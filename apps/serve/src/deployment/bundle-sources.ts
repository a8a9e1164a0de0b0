import { newestBundle } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import type { BundleSource } from "../operations/reload.ts";
import type { NamedBundle } from "../options/operations.ts";
import { openDeployment, type OpenedDeployment, type OpenOptions } from "./open-deployment.ts";

/** Where a command's bundles come from: folders that it names, or that of the newest run. */
export function bundleSources(
  bundles: readonly NamedBundle[],
  runs: string,
  options: Omit<OpenOptions, "name">,
): readonly BundleSource[] {
  if (bundles.length === 0) {
    return [
      {
        folder: () => newestBundle(runs),
        open: (folder, oneByOne) => openDeployment(folder, { ...options, oneByOne }),
      },
    ];
  }
  return bundles.map(({ name, folder }) => ({
    folder: async () => folder,
    open: (there, oneByOne) => openDeployment(there, { ...options, name, oneByOne }),
  }));
}

/**
 * Opens the bundles of all sources.
 * @throws CorellaError those of `openDeployment`, and `serve/bad-option` for two that nobody could tell apart
 */
export async function openSources(sources: readonly BundleSource[]): Promise<OpenedDeployment[]> {
  const opened: OpenedDeployment[] = [];
  const seen = new Set<string>();
  for (const source of sources) {
    const one = await source.open(await source.folder());
    opened.push(one);
    const { name, version } = one.deployment.info.bundle;
    const key = `${name}/${version}`;
    if (seen.has(key)) {
      throw new CorellaError({
        code: "serve/bad-option",
        message: `${key} is named twice.`,
        place: "--bundle",
        remedy: "Give one of them another name: --bundle other=folder.",
      });
    }
    seen.add(key);
  }
  return opened;
}
