import type { Deployment } from "./deployment.ts";

/** Something of each deployment that is made when it is first asked for, and gone with it. */
export function perDeployment<Value>(
  make: (deployment: Deployment) => Value,
): (deployment: Deployment) => Value {
  const made = new WeakMap<Deployment, { readonly value: Value }>();
  return (deployment) => {
    let entry = made.get(deployment);
    if (entry === undefined) made.set(deployment, (entry = { value: make(deployment) }));
    return entry.value;
  };
}
