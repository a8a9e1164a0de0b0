// Seeded random numbers by named streams.
export { createBitStream, createGenerator, permutation, shuffle, type Generator } from "./random.ts";
