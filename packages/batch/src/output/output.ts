/** Where parts are kept. A name is written once: whoever comes later finds what the first one wrote. */
export interface Output {
  /** Whole or not at all. @returns false where the name was there already, which stays as it is */
  putNew(name: string, bytes: Uint8Array): Promise<boolean>;
  /** undefined where there is no such name */
  get(name: string): Promise<Uint8Array | undefined>;
  has(name: string): Promise<boolean>;
  /** Where a name is, for messages. */
  placeOf(name: string): string;
}
