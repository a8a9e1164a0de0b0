import tf from "@tensorflow/tfjs";

/** tfjs, one copy for every package, so that there is one tensor engine. */
export { tf };

/** Keeps tfjs from its warnings; the CPU backend's first would be an advertisement for another backend. */
export function enableProductionMode(): void {
  tf.enableProdMode();
}
