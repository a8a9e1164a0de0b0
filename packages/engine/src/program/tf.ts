import tf from "@tensorflow/tfjs";

// Otherwise the CPU backend prints an advertisement for another backend on first use.
tf.enableProdMode();

/** tfjs, one copy for every package, so that there is one tensor engine. */
export { tf };
