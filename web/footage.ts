import { useEffect, useState } from 'preact/hooks';
import type { GapAnswer } from '../api/schemas/footage.ts';
import { call, type Answer } from './api.ts';
import { serverNow } from './clock.ts';
import type { Gap } from './gap-pieces.ts';

function toGap(gap: GapAnswer): Gap {
  return {
    startMs: Date.parse(gap.startAt),
    endMs: gap.endAt === null ? null : Date.parse(gap.endAt),
    reason: gap.reason,
    owner: gap.owner,
    lastError: gap.evidence.lastError ?? null,
    attempts: gap.evidence.attempts ?? null,
  };
}

/** The gaps of a camera that touch a range: at most 1,000, which is more than a strip or an axis can show apart. */
export async function gapsBetween(
  cameraId: string,
  fromMs: number,
  toMs: number,
  signal?: AbortSignal,
): Promise<Answer<Gap[]>> {
  const range = `from=${new Date(fromMs).toISOString()}&to=${new Date(toMs).toISOString()}`;
  const path = `/v1/cameras/${cameraId}/gaps?${range}&limit=1000`;
  const answer = await call<{ items: GapAnswer[] }>('GET', path, { signal });
  return answer.kind === 'ok' ? { ...answer, value: answer.value.items.map(toGap) } : answer;
}

export interface LoadedGaps {
  gaps: Gap[];
  /** Server time up to which they are known. */
  asOfMs: number;
}

const refreshMs = 10_000;

/**
 * Keeps the gaps of a range fresh while `active`; null before the first answer, old ones stay while new ones load.
 * @param span ms before now, or a fixed range
 * @param changes anything whose change means that there may be other gaps
 */
export function useGaps(
  cameraId: string,
  span: number | { fromMs: number; toMs: number },
  active: boolean,
  changes: string,
): LoadedGaps | null {
  const [loaded, setLoaded] = useState<LoadedGaps | null>(null);
  const [fromMs, toMs] = typeof span === 'number' ? [span, null] : [span.fromMs, span.toMs];
  useEffect(() => {
    if (!active) return undefined;
    const abort = new AbortController();
    const load = async () => {
      if (document.visibilityState !== 'visible') return;
      const now = serverNow();
      const from = toMs === null ? now - fromMs : fromMs;
      const answer = await gapsBetween(cameraId, from, Math.min(toMs ?? now, now), abort.signal);
      if (answer.kind === 'ok') setLoaded({ gaps: answer.value, asOfMs: now });
    };
    void load();
    const timer = setInterval(() => void load(), refreshMs);
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [cameraId, fromMs, toMs, active, changes]);
  useEffect(() => () => setLoaded(null), [cameraId]);
  return loaded;
}
