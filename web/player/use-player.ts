import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { fleet, hasFootage, type Camera } from '../fleet.ts';
import { duration } from '../format.ts';
import { toast } from '../parts/toast.tsx';
import { navigate, place, playAddress } from '../router.ts';
import { words } from '../words/index.ts';
import { createPlayer } from './player.ts';
import type { Player } from './player-state.ts';

/** How often playing renews the moment in the URL. */
const urlEveryMs = 5_000;

/** The moment in the URL; null when there is none to be found. */
function momentOf(query: URLSearchParams): number | null {
  const ms = Date.parse(query.get('t') ?? '');
  return Number.isNaN(ms) ? null : ms;
}

/** End of a camera's newest footage as last heard; null when it has none. */
function newestMs(cameraId: string): number | null {
  const camera = fleet.peek().cameras.find(({ id }) => id === cameraId);
  if (camera === undefined || camera.lastSegmentEndAt === null || !hasFootage(camera)) return null;
  return Date.parse(camera.lastSegmentEndAt);
}

export interface UsedPlayer {
  player: Player | null;
  video: RefObject<HTMLVideoElement | null>;
  still: RefObject<HTMLCanvasElement | null>;
  /** A jump: a step the Back button undoes. null: to the latest footage. */
  jump: (atMs: number | null) => void;
}

/** A player whose state is the URL: what the URL says is shown, and what is shown is in the URL. */
export function usePlayer(camera: Camera): UsedPlayer {
  const video = useRef<HTMLVideoElement>(null);
  const still = useRef<HTMLCanvasElement>(null);
  const [player, setPlayer] = useState<Player | null>(null);
  const written = useRef<string | null>(null);
  const empty = newestMs(camera.id) === null;

  useEffect(() => {
    if (video.current === null || still.current === null) return undefined;
    const made = createPlayer({
      video: video.current,
      still: still.current,
      camera: { id: camera.id, createdMs: Date.parse(camera.createdAt), newestMs: () => newestMs(camera.id) },
      onSkip: (ms) => toast(words.peek().skipped(duration(ms))),
    });
    setPlayer(made);
    written.current = null;
    return () => made.close();
  }, [camera.id, empty]);

  const { query } = place.value;
  useEffect(() => {
    // What we wrote ourselves is shown already; anything else came from outside: a link, Back, a typed address.
    if (player === null || query.toString() === written.current) return;
    written.current = query.toString();
    void player.open(momentOf(query));
  }, [player, query]);

  const write = (atMs: number | null, how: 'push' | 'replace') => {
    const address = playAddress(camera.id, atMs ?? undefined);
    written.current = new URL(address, location.href).searchParams.toString();
    navigate(address, how);
  };

  useEffect(() => {
    if (player === null) return undefined;
    const keep = () => {
      const wall = player.wallMs.peek();
      if (!player.following.peek() && wall !== null) write(Math.round(wall), 'replace');
    };
    const timer = setInterval(() => {
      if (!player.paused.peek()) keep();
    }, urlEveryMs);
    const stop = player.paused.subscribe((paused) => {
      if (paused && player.phase.peek() === 'ready') keep();
    });
    return () => {
      clearInterval(timer);
      stop();
    };
  }, [player]);

  return {
    player,
    video,
    still,
    jump(atMs) {
      if (player === null) return;
      write(atMs === null ? null : Math.round(atMs), 'push');
      if (atMs === null) void player.open(null);
      else player.seek(atMs);
    },
  };
}
