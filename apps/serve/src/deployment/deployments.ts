import { setTimeout as sleep } from "node:timers/promises";
import { bundleName } from "../http/bundle-name.ts";
import { requestContext } from "../operations/request-context.ts";
import type { Answer, Deployment, ScoringOptions } from "./deployment.ts";
import type { ServiceInfo } from "./info.ts";
import type { Sample } from "./sample.ts";
import type { Split } from "./split.ts";

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
  /** Begins work with deployments: those that it finds stay usable until it calls what this returns. */
  enter(): () => void;
}

/** A deployment with what ends it. */
export interface Served {
  readonly deployment: Deployment;
  dispose(): Promise<void>;
}

/** Deployments that can be replaced. */
export interface ServedDeployments extends Deployments {
  /**
   * Puts another in a deployment's place at once: what begins from now on finds it. Resolves when all that had begun before has ended
   * and the replaced one is disposed.
   */
  replace(place: number, next: Served): Promise<void>;
  /** Disposes all of them. */
  dispose(): Promise<void>;
}

/** Hears of every answer. */
export type AnswerObserver = (
  samples: readonly Sample[],
  answers: readonly Answer[],
  bundle: ServiceInfo["bundle"],
) => void;

/** How several are served. */
export interface DeploymentsOptions {
  /** Which of them a user belongs to, by place. Default: the first is everybody's. */
  readonly split?: Split | undefined;
  readonly onAnswers?: AnswerObserver | undefined;
  /** Runs the scoring of samples by a bundle, for example in a span. */
  readonly around?:
    | (<T>(bundle: ServiceInfo["bundle"], rows: number, work: () => Promise<T>) => Promise<T>)
    | undefined;
  /** What had begun before a deployment was replaced is waited for this long. Default 120,000. */
  readonly replacedMs?: number | undefined;
}

/** Serves bundles, the first of them where nothing says another. A place whose models are not loaded yet gets nobody's samples. */
export function createDeployments(
  served: readonly Served[],
  { split, onAnswers, around = (_, __, work) => work(), replacedMs = 120_000 }: DeploymentsOptions = {},
): ServedDeployments {
  const running = createRunning();
  const watched = (one: Served): Served => {
    const { deployment } = one;
    const { bundle } = deployment.info;
    return {
      dispose: () => one.dispose(),
      deployment: {
        ...deployment,
        async score(samples, options) {
          const answers = await around(bundle, samples.length, () => deployment.score(samples, options));
          requestContext.getStore()?.answeredBy.add(bundleName(bundle));
          onAnswers?.(samples, answers, bundle);
          return answers;
        },
        async explain(sample, options) {
          const explained = await around(bundle, 1, () => deployment.explain(sample, options));
          requestContext.getStore()?.answeredBy.add(bundleName(bundle));
          return explained;
        },
      },
    };
  };
  const places = served.map(watched);
  const first = (): Deployment => places[0]!.deployment;
  const of = (user: string | null | undefined): Deployment => {
    if (user == null || split === undefined) return first();
    const { deployment } = places[split(user)]!;
    return deployment.readiness.isLoaded() ? deployment : first();
  };
  return {
    all: () => places.map(({ deployment }) => deployment),
    of,
    find: (name, version) =>
      places.find(({ deployment: { info } }) => {
        const { bundle } = info;
        return bundle.name === name && (version === undefined || bundle.version === version);
      })?.deployment,
    enter: running.enter,
    async score(samples, options = {}) {
      const leave = running.enter();
      try {
        return await scoreByUser(samples, options, of);
      } finally {
        leave();
      }
    },
    async replace(place, next) {
      const replaced = places[place]!;
      places[place] = watched(next);
      await Promise.race([running.settled(), sleep(replacedMs, undefined, { ref: false })]);
      await replaced.dispose();
    },
    async dispose() {
      await Promise.all(places.map((place) => place.dispose()));
    },
  };
}

/** One bundle that answers everybody, disposed by whoever made it. */
export function oneDeployment(deployment: Deployment): Deployments {
  return createDeployments([{ deployment, dispose: async () => {} }]);
}

/** Scores samples in their order, those of one deployment together. */
async function scoreByUser(
  samples: readonly Sample[],
  options: ScoringOptions,
  of: Deployments["of"],
): Promise<Answer[]> {
  // Many samples of a request are one user's.
  const byUser = new Map<string | null | undefined, Deployment>();
  const rows = new Map<Deployment, number[]>();
  for (const [row, { user }] of samples.entries()) {
    const deployment = byUser.get(user) ?? of(user);
    byUser.set(user, deployment);
    const own = rows.get(deployment);
    if (own === undefined) rows.set(deployment, [row]);
    else own.push(row);
  }
  const [only] = rows.keys();
  if (rows.size === 1) return only!.score(samples, options);
  const answers: Answer[] = Array.from({ length: samples.length });
  const { pathOf } = options;
  await Promise.all(
    [...rows].map(async ([deployment, own]) => {
      const part = await deployment.score(
        own.map((row) => samples[row]!),
        { ...options, pathOf: pathOf && ((index) => pathOf(own[index]!)) },
      );
      for (const [i, row] of own.entries()) answers[row] = part[i]!;
    }),
  );
  return answers;
}

/** Work that runs, and when all of it has ended that had begun by now. */
function createRunning(): { enter(): () => void; settled(): Promise<unknown> } {
  /** What runs began in one of these: a new one with every call of `settled`. */
  interface Period {
    running: number;
    ended?: () => void;
  }
  let period: Period = { running: 0 };
  let before: Promise<unknown> = Promise.resolve();
  return {
    enter() {
      const own = period;
      own.running += 1;
      let isRunning = true;
      return () => {
        if (!isRunning) return;
        isRunning = false;
        own.running -= 1;
        if (own.running === 0) own.ended?.();
      };
    },
    settled() {
      const own = period;
      period = { running: 0 };
      const ended = new Promise<void>((resolve) => {
        if (own.running === 0) resolve();
        else own.ended = resolve;
      });
      before = Promise.all([before, ended]);
      return before;
    },
  };
}
