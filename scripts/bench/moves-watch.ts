import type { SiteCamera } from './chaos-site.ts';

/** What a camera has seen of its recordings since the watch began. */
export interface SeenMove {
  /** Until it had a recording that it had not before; null = it has none yet. */
  takenMs: number | null;
  /** Until that one was alone; null = it is not yet. */
  movedMs: number | null;
  /** How long two recorded it at once. */
  bothMs: number;
}

/** Who records each camera, as the cameras see it: independent of what the product says. */
export interface MoveWatch {
  /** By camera. */
  seen(): SeenMove[];
  stop(): void;
}

/** A move takes seconds; a look costs nothing that the cameras would feel. */
const lookEveryMs = 50;

/** Begins to watch; the recordings of now are those that are to go. */
export function watchMoves(cameras: readonly SiteCamera[]): MoveWatch {
  const startMs = Date.now();
  let lastMs = startMs;
  const watched = cameras.map((camera) => {
    const seen: SeenMove = { takenMs: null, movedMs: null, bothMs: 0 };
    return { camera, before: new Set(clientsOf(camera)), seen };
  });
  const timer = setInterval(() => {
    const nowMs = Date.now();
    for (const { camera, before, seen } of watched) {
      const clients = clientsOf(camera);
      if (clients.length > 1) seen.bothMs += nowMs - lastMs;
      if (clients.some((client) => !before.has(client))) seen.takenMs ??= nowMs - startMs;
      if (clients.length === 1 && seen.takenMs !== null) seen.movedMs ??= nowMs - startMs;
    }
    lastMs = nowMs;
  }, lookEveryMs);
  return { seen: () => watched.map(({ seen }) => ({ ...seen })), stop: () => clearInterval(timer) };
}

function clientsOf({ simulated }: SiteCamera): number[] {
  return simulated
    .connections()
    .filter(({ playing }) => playing)
    .map(({ client }) => client);
}
