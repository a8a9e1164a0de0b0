import { createHmac, randomBytes } from "node:crypto";
import { CorellaError, formatError } from "@corella/errors";
import type { Answer } from "../deployment/deployment.ts";
import type { ServiceInfo } from "../deployment/info.ts";
import type { Sample } from "../deployment/sample.ts";
import type { Log } from "./log.ts";
import { requestContext } from "./request-context.ts";
import { openRotatingFile } from "./rotating-file.ts";

/** What is kept of answers. */
export interface ShownOptions {
  readonly path: string;
  readonly maxBytes: number;
  /** Users as they are, not their pseudonyms. Default false. */
  readonly users?: boolean | undefined;
  /** Makes pseudonyms: who has it can tell whose they are. Undefined: one that ends with the process. */
  readonly key?: string | undefined;
  readonly log: Log;
}

/** A record of what was answered, to learn from later. */
export interface Shown {
  add(samples: readonly Sample[], answers: readonly Answer[], bundle: ServiceInfo["bundle"]): void;
  /** Writes what waits. */
  close(): Promise<void>;
}

/**
 * Opens a file of JSON lines, one for each sample that was answered: time, request, user, item, probability, route, bundle, version.
 * @throws CorellaError `serve/shown` when the file cannot be opened
 */
export async function openShown({ path, maxBytes, users, key, log }: ShownOptions): Promise<Shown> {
  const file = await openRotatingFile(path, {
    maxBytes,
    onLost: (error) => log(`what is shown could not be kept: ${formatError(error)}`, { level: "error" }),
  }).catch((cause: unknown) => {
    throw new CorellaError({
      code: "serve/shown",
      message: `What is shown cannot be written: ${cause instanceof Error ? cause.message : String(cause)}.`,
      place: path,
      remedy: "Name a file in a folder that this user may write to.",
      cause,
    });
  });
  const secret = key ?? randomBytes(32);
  const pseudonym = (user: string): string =>
    createHmac("sha256", secret).update(user).digest("base64url").slice(0, 22);
  return {
    add(samples, answers, { name, version }) {
      const time = new Date().toISOString();
      const request = requestContext.getStore()?.id;
      for (const [row, { probability, route }] of answers.entries()) {
        const { user, item } = samples[row]!;
        const shownUser = user == null || users === true ? user : pseudonym(user);
        file.write(
          JSON.stringify({
            time,
            ...(request === undefined ? {} : { request }),
            ...(shownUser == null ? {} : { user: shownUser }),
            item,
            probability,
            route,
            bundle: name,
            version,
          }),
        );
      }
    },
    close: () => file.close(),
  };
}
