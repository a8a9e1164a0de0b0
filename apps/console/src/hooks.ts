import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/** Something that is being fetched. */
export interface Loaded<T> {
  readonly value?: T;
  readonly error?: Error;
}

/** What a promise brings, once it does; `load` is called when it changes. */
export function useLoaded<T>(load: () => Promise<T>): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({});
  useEffect(() => {
    let wanted = true;
    setLoaded({});
    const wait = async (): Promise<void> => {
      const result = await settled(load());
      if (wanted) setLoaded(result);
    };
    void wait();
    return () => {
      wanted = false;
    };
  }, [load]);
  return loaded;
}

/** An action that may fail: what to call, whether it runs, and what went wrong the last time. */
export interface Action<A extends unknown[]> {
  readonly run: (...args: A) => void;
  readonly busy: boolean;
  readonly error: Error | undefined;
}

/** Watches an action for the page; of calls that overlap the last counts. */
export function useAction<A extends unknown[], T>(
  act: (...args: A) => Promise<T>,
  done: (value: T) => void,
): Action<A> {
  const [state, setState] = useState<{ busy: boolean; error?: Error }>({ busy: false });
  const latest = useRef(0);
  const run = useCallback(
    (...args: A) => {
      const call = ++latest.current;
      setState({ busy: true });
      const wait = async (): Promise<void> => {
        const { value, error } = await settled(act(...args));
        if (call !== latest.current) return;
        setState(error === undefined ? { busy: false } : { busy: false, error });
        if (error === undefined) done(value as T);
      };
      void wait();
    },
    [act, done],
  );
  return { run, busy: state.busy, error: state.error };
}

/** Calls `tick` at once and every so often while the page is looked at. */
export function useEvery(ms: number, tick: () => unknown, active: boolean): void {
  useEffect(() => {
    if (!active) return undefined;
    const once = (): void => {
      if (document.visibilityState === "visible") void tick();
    };
    once();
    const timer = window.setInterval(once, ms);
    return () => window.clearInterval(timer);
  }, [ms, tick, active]);
}

/** What a promise brings, right or wrong, as a value. */
export async function settled<T>(promise: Promise<T>): Promise<Loaded<T>> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}
