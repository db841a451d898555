import { useEffect, useRef, useState } from 'preact/hooks';
import { call, type Answer, type Problem } from './api.ts';
import type { PageOf } from './answers.ts';

export interface Loaded<T> {
  /** The newest answer; an older one stays while a newer is on its way or does not come. Null before the first. */
  value: T | null;
  /** Why the last answer did not come; null when it did. */
  problem: Problem | null;
  reload: () => void;
}

/**
 * Reads `path` when it is first wanted or changes, when `reload` is called, and every `everyMs` while the page is seen.
 * @param path null: nothing is wanted
 */
export function useLoaded<T>(path: string | null, everyMs?: number): Loaded<T> {
  return useAnswer(path, (signal) => call<T>('GET', path ?? '', { signal }), everyMs);
}

/** All pages of a list, up to `most` items. */
export function useList<T>(path: string | null, most = 5000): Loaded<T[]> {
  return useAnswer(path, (signal) => allOf<T>(path ?? '', most, signal));
}

function useAnswer<T>(
  key: string | null,
  read: (signal: AbortSignal) => Promise<Answer<T>>,
  everyMs?: number,
): Loaded<T> {
  const [state, setState] = useState<{ key: string | null; value: T | null; problem: Problem | null }>({
    key,
    value: null,
    problem: null,
  });
  const [asked, setAsked] = useState(0);
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    if (key === null) return undefined;
    const abort = new AbortController();
    const load = async () => {
      const answer = await latest.current(abort.signal);
      if (answer.kind === 'ok') setState({ key, value: answer.value, problem: null });
      if (answer.kind === 'problem') {
        setState((before) => ({ key, value: before.key === key ? before.value : null, problem: answer.problem }));
      }
    };
    void load();
    const timer =
      everyMs === undefined
        ? undefined
        : setInterval(() => document.visibilityState === 'visible' && void load(), everyMs);
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [key, asked, everyMs]);
  const current = state.key === key ? state : { value: null, problem: null };
  return { value: current.value, problem: current.problem, reload: () => setAsked((n) => n + 1) };
}

async function allOf<T>(path: string, most: number, signal: AbortSignal): Promise<Answer<T[]>> {
  const items: T[] = [];
  let cursor = '';
  for (;;) {
    const limit = `${path.includes('?') ? '&' : '?'}limit=1000`;
    const answer = await call<PageOf<T>>('GET', `${path}${limit}${cursor}`, { signal });
    if (answer.kind !== 'ok') return answer;
    items.push(...answer.value.items);
    if (answer.value.nextCursor === undefined || items.length >= most) return { ...answer, value: items };
    cursor = `&cursor=${encodeURIComponent(answer.value.nextCursor)}`;
  }
}
