/** What tells it of the stages of a configuration, also of one that a file says and nobody has completed. */
export interface CorrectingStages {
  readonly llmAlone?: { readonly offset?: string | undefined } | undefined;
  readonly skip?: readonly string[] | undefined;
}

/** Whether the LLM learns what is to be added to its CRM's logit: what it says alone is then no answer. */
export function correctsCrm({ llmAlone, skip }: CorrectingStages): boolean {
  return llmAlone?.offset === "crm" && skip?.includes("llmAlone") !== true;
}
