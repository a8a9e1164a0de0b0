import type { RoutingPolicy } from "@corella/routing";

/** What a router has decided about a call's records, before the LLM is asked. */
export interface Routed {
  /** Entropy of every record, in nats. */
  readonly entropy: Float32Array;
  /** Row numbers of the records that are for the LLM, ascending. */
  readonly toLlm: Uint32Array;
  /** Whether the call named the policy that sent them, in place of the Predictor's own. */
  readonly chosen: boolean;
}

/** Which of the records for the LLM go to it now. What is in neither list keeps the CRM's answer, as if it had not been routed. */
export interface Admitted {
  /** Rows that go, ascending. */
  readonly rows: Uint32Array;
  /** Rows for which the budget does not suffice: they keep the CRM's answer and are marked as degraded. */
  readonly refused: Uint32Array;
  /** Called once when the LLM has answered them or has failed. */
  settle?(): void;
}

/** Keeps the LLM's work within a budget over many calls, between routing and asking the LLM. */
export interface Admission {
  /** Routes in place of the bundle's own policy where a call names none. */
  readonly policy?: RoutingPolicy | undefined;
  /** Asked for every call of a Predictor of both models, also where nothing is for the LLM. It must not throw. */
  admit(routed: Routed): Admitted;
}
