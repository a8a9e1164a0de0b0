/** Friday, 26 July 2024, midnight: the day that Llama's templates tell when they are told none. */
const parts: Readonly<Record<string, string>> = {
  "%": "%",
  A: "Friday",
  a: "Fri",
  B: "July",
  b: "Jul",
  C: "20",
  c: "Fri Jul 26 00:00:00 2024",
  D: "07/26/24",
  d: "26",
  e: "26",
  F: "2024-07-26",
  f: "000000",
  G: "2024",
  g: "24",
  H: "00",
  h: "Jul",
  I: "12",
  j: "208",
  M: "00",
  m: "07",
  k: " 0",
  l: "12",
  n: "\n",
  p: "AM",
  r: "12:00:00 AM",
  R: "00:00",
  S: "00",
  s: "1721952000",
  T: "00:00:00",
  t: "\t",
  U: "29",
  u: "5",
  V: "30",
  W: "30",
  w: "5",
  X: "00:00:00",
  x: "07/26/24",
  Y: "2024",
  y: "24",
  Z: "UTC",
  z: "+0000",
};

/**
 * The one day that chat templates know, as Python's strftime writes it in English: prompts are the same text on every day.
 * `%-d` and its like have no zero in front.
 */
export function fixedDate(format: string): string {
  return format.replaceAll(/%(-?)([A-Za-z%])/g, (directive, bare: string, letter: string) => {
    const part = Object.hasOwn(parts, letter) ? parts[letter]! : directive;
    return bare === "" ? part : part.replace(/^0+(?=.)/, "");
  });
}
