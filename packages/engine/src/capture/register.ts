import type { TensorInfo } from "@tensorflow/tfjs";
import { enableProductionMode, tf } from "../program/tf.ts";
import { CaptureBackend } from "./backend/backend.ts";
import type { Kernel } from "./backend/kernel.ts";
import { families } from "./operations/table.ts";

/** The name under which tfjs knows the backend that records programs. */
export const captureBackendName = "corella-capture";

let captureBackend: CaptureBackend | undefined;

/** The backend that records programs, of which a process has one. It is registered with tfjs when it is first asked for. */
export function registeredCaptureBackend(): CaptureBackend {
  if (captureBackend === undefined) {
    captureBackend = new CaptureBackend();
    registerBackend(captureBackendName, captureBackend);
  }
  return captureBackend;
}

/**
 * Registers a recording backend with tfjs, and with it a kernel for every operation that programs may use.
 * @param name that no other backend of this process has
 */
export function registerBackend(name: string, backend: CaptureBackend): void {
  enableProductionMode();
  tf.registerBackend(name, () => backend, 0);
  for (const family of families)
    for (const [kernelName, kernel] of Object.entries(family)) registerKernel(name, kernelName, kernel);
}

function registerKernel(backendName: string, kernelName: string, kernel: Kernel): void {
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) =>
      kernel({
        inputs: inputs as Record<string, TensorInfo>,
        attributes: attrs ?? {},
        backend: backend as CaptureBackend,
      }),
  });
}
