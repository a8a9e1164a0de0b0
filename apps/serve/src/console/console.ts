import { join } from "node:path";
import { formatError } from "@corella/errors";
import { buildConsole, needsBuild } from "./build.ts";
import { indexFile, readConsoleFiles, type ConsoleFiles } from "./files.ts";

/** The web application that is served beside the endpoints. */
export interface Console {
  /**
   * Its files; at the first call they are read, and built before where that is needed. From then on nothing of the disk is read.
   * Where they cannot be had, why, for whoever looks.
   */
  files(): Promise<ConsoleFiles | string>;
}

/** Where the console lies in the repository. */
export const consoleFolder: string = join(import.meta.dirname, "../../../console");

/** The console of a folder, which nobody may have built yet. */
export function openConsole(folder: string, log: (line: string) => void): Console {
  let opening: Promise<ConsoleFiles | string> | undefined;
  const open = async (): Promise<ConsoleFiles | string> => {
    let failure: string | undefined;
    if (await needsBuild(folder)) {
      const startedMs = performance.now();
      try {
        await buildConsole(folder);
        log(`console built in ${Math.round(performance.now() - startedMs)} ms`);
      } catch (error) {
        failure = formatError(error);
        log(`the console could not be built: ${failure}`);
      }
    }
    const files = await readConsoleFiles(join(folder, "dist")).catch(() => undefined);
    if (files?.has(indexFile) === true) return files;
    return "The console is not built, and could not be: the server's log says why. `pnpm --filter @corella/console build` builds it.";
  };
  return { files: () => (opening ??= open()) };
}
