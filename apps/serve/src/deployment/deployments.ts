import type { Answer, Deployment, ScoringOptions } from "./deployment.ts";
import type { Sample } from "./sample.ts";

/** The bundles that one server answers with. */
export interface Deployments {
  /** All of them; the first answers where nothing else says. */
  all(): readonly Deployment[];
  /** The one that answers a user. */
  of(user: string | null | undefined): Deployment;
  /** The one of this name, and of this version where one is given; undefined: it is not served. */
  find(name: string, version?: string): Deployment | undefined;
  /** Scores samples, each by the deployment of its user; see `Deployment.score`. */
  score(samples: readonly Sample[], options?: ScoringOptions): Promise<Answer[]>;
}

/** One bundle that answers everybody. */
export function oneDeployment(deployment: Deployment): Deployments {
  const { bundle } = deployment.info;
  return {
    all: () => [deployment],
    of: () => deployment,
    find: (name, version = bundle.version) =>
      name === bundle.name && version === bundle.version ? deployment : undefined,
    score: (samples, options) => deployment.score(samples, options),
  };
}
