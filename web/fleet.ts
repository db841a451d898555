import { computed, signal } from '@preact/signals';
import type { CameraAnswer } from '../api/schemas/camera.ts';
import { call, type Answer, type Problem } from './api.ts';
import { nowMs, slowServerNowMs } from './clock.ts';
import { compareNames } from './format.ts';

export type Camera = CameraAnswer;

/** Data older than this is called unknown, never fine. */
export const staleAfterMs = 30_000;
const pollMs = 5_000;

interface Fleet {
  cameras: Camera[];
  /** Browser time of the answer the cameras came with; null before the first. */
  asOfMs: number | null;
  /** Why the last answer did not come; null when it did. */
  problem: Problem | null;
}

/** All cameras the person may see, as the last answer had them. */
export const fleet = signal<Fleet>({ cameras: [], asOfMs: null, problem: null });

/** Age of the data in ms; null before the first answer. */
export const dataAgeMs = computed(() => (fleet.value.asOfMs === null ? null : nowMs.value - fleet.value.asOfMs));
export const isStale = computed(() => dataAgeMs.value === null || dataAgeMs.value > staleAfterMs);

export type ShownState = Camera['state'] | 'unknown';

/** The state to show: one that nobody has confirmed for 30 s is unknown. */
export function shownState(camera: Camera): ShownState {
  return isStale.value ? 'unknown' : camera.state;
}

const abnormal: ReadonlySet<string> = new Set(['attention', 'reconnecting', 'no-slot']);

export function isAbnormal(camera: Camera): boolean {
  return abnormal.has(camera.state);
}

export function isRetired(camera: Camera): boolean {
  return camera.intent === 'retired';
}

/** Cameras with something wrong first, then by name. */
export const sortedCameras = computed(() =>
  fleet.value.cameras.toSorted((a, b) => Number(isAbnormal(b)) - Number(isAbnormal(a)) || compareNames(a.name, b.name)),
);

/** Age of a camera's newest committed footage in ms; null when it has none. */
export function footageAgeMs(camera: Camera): number | null {
  return camera.lastSegmentEndAt === null ? null : Math.max(0, slowServerNowMs() - Date.parse(camera.lastSegmentEndAt));
}

/** Has a camera committed anything? The watermark of one that has not stands at its creation. */
export function hasFootage(camera: Camera): boolean {
  return camera.lastSegmentEndAt !== null && Date.parse(camera.lastSegmentEndAt) > Date.parse(camera.createdAt) + 1;
}

/** Reads all pages of the list. */
async function allCameras(aborted: AbortSignal): Promise<Answer<Camera[]>> {
  const cameras: Camera[] = [];
  let cursor = '';
  for (;;) {
    const path = `/v1/cameras?limit=1000${cursor}`;
    const answer = await call<{ items: Camera[]; nextCursor?: string }>('GET', path, { signal: aborted });
    if (answer.kind !== 'ok') return answer;
    cameras.push(...answer.value.items);
    if (answer.value.nextCursor === undefined) return { ...answer, value: cameras };
    cursor = `&cursor=${encodeURIComponent(answer.value.nextCursor)}`;
  }
}

let running: AbortController | null = null;

/** Reads the cameras now; an older read under way is dropped. */
export async function refreshFleet(): Promise<void> {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const answer = await allCameras(mine.signal);
  if (running === mine) running = null;
  if (answer.kind === 'ok') fleet.value = { cameras: answer.value, asOfMs: Date.now(), problem: null };
  if (answer.kind === 'problem') fleet.value = { ...fleet.peek(), problem: answer.problem };
}

/** Shows a changed camera before the next read. */
export function putCamera(camera: Camera): void {
  const { cameras, ...rest } = fleet.peek();
  fleet.value = { ...rest, cameras: [...cameras.filter(({ id }) => id !== camera.id), camera] };
}

/** Reads the cameras every 5 s while the page is seen, and at once when it is seen or connected again. */
export function watchFleet(): () => void {
  const look = () => {
    // One read at a time: on a slow line the next would only drop it.
    if (document.visibilityState === 'visible' && running === null) void refreshFleet();
  };
  const timer = setInterval(look, pollMs);
  document.addEventListener('visibilitychange', look);
  window.addEventListener('online', look);
  void refreshFleet();
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', look);
    window.removeEventListener('online', look);
    running?.abort();
    fleet.value = { cameras: [], asOfMs: null, problem: null };
  };
}
