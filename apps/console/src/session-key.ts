/** Name in the session's storage, which ends with the browser's tab. */
const storageName = "corella-key";

let asking: Promise<void> | undefined;
let answer: ((key: string) => void) | undefined;
let listener: (state: KeyQuestion | undefined) => void = () => {};

/** The visitor is asked for a key. */
export interface KeyQuestion {
  /** There was a key, which the server refused. */
  readonly refused: boolean;
}

/** The API key of this tab: kept in its session's storage and nowhere else. */
export const sessionKey: {
  current(): string | undefined;
  /** Resolves when the visitor has given a key. */
  ask(refused: boolean): Promise<void>;
  give(key: string): void;
  /** Hears when the visitor is to be asked, and with undefined when no longer. */
  onQuestion(hear: (state: KeyQuestion | undefined) => void): void;
} = {
  current: () => sessionStorage.getItem(storageName) ?? undefined,
  ask(refused) {
    asking ??= new Promise<void>((resolve) => {
      answer = (key) => {
        sessionStorage.setItem(storageName, key);
        [asking, answer] = [undefined, undefined];
        listener(undefined);
        resolve();
      };
      listener({ refused });
    });
    return asking;
  },
  give: (key) => answer?.(key),
  onQuestion(hear) {
    listener = hear;
  },
};
