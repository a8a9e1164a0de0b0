import type { JSX } from "preact";
import { ApiError } from "../api.ts";

/** What went wrong, and what can be done. */
export function Problem({ error }: { readonly error: Error | undefined }): JSX.Element | null {
  if (error === undefined) return null;
  const message = error instanceof TypeError ? "The server does not answer." : error.message;
  return (
    <p class="problem" role="alert">
      {message} {error instanceof ApiError ? error.remedy : undefined}
    </p>
  );
}
