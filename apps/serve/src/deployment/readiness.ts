import type { Predictor } from "@corella/bundle";
import { CorellaError } from "@corella/errors";
import type { RatingRecord } from "@corella/modality";

/** Whether the models can answer. */
export interface Readiness {
  /** @throws CorellaError `serve/loading`; what went wrong when the models could not be loaded */
  predictor(): Predictor;
  /** Whether the models were loaded, and have answered once. */
  isLoaded(): boolean;
  /** A model has failed at a request: the next check tries them all. */
  suspect(): void;
  /** Rejects with the reason when a model cannot answer. */
  check(): Promise<void>;
}

/** A model that takes longer for one sample is not ready. */
const probeTimeoutMs = 2000;

/** What a check of the models asks. */
export interface Probe {
  /** A sample that any bundle can score. */
  readonly probe: RatingRecord;
  /** Whether there is a model that is quick to ask. */
  readonly hasCrm: boolean;
}

/** Watches models that may still be loading. */
export function createReadiness(
  loading: Predictor | Promise<Predictor>,
  { probe, hasCrm }: Probe,
): Readiness {
  let loaded = loading instanceof Promise ? undefined : loading;
  let failure: unknown;
  let suspected = false;
  const load = async (): Promise<void> => {
    try {
      loaded = await loading;
    } catch (error) {
      failure = error;
    }
  };
  void load();
  const predictor = (): Predictor => {
    if (failure !== undefined) throw failure;
    if (loaded !== undefined) return loaded;
    throw new CorellaError({
      code: "serve/loading",
      message: "The models are being loaded.",
      remedy: "Try again in a few seconds; GET /health/ready says when.",
    });
  };
  return {
    predictor,
    isLoaded: () => loaded !== undefined,
    suspect() {
      suspected = true;
    },
    async check() {
      const loadedPredictor = predictor();
      // The LLM is only asked after a failure: a probe must stay cheap.
      if (!hasCrm && !suspected) return;
      const [answer] = await loadedPredictor
        .score([probe], {
          policy: { kind: suspected ? "all" : "none" },
          signal: AbortSignal.timeout(probeTimeoutMs),
        })
        .catch((error: unknown) => {
          if (isFull(error)) return [undefined];
          throw error;
        });
      const { reason, cause } = answer?.degraded ?? {};
      // A model that has much to do works.
      if (answer === undefined || reason === "full" || reason === "budget") return;
      if (reason !== undefined) throw cause;
      suspected = false;
    },
  };
}

function isFull(error: unknown): boolean {
  return CorellaError.isInstance(error) && error.code === "serving/full";
}
