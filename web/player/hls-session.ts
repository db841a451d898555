import type Hls from 'hls.js';
import type { ErrorData } from 'hls.js';
import type { Answer } from '../api.ts';
import { playlistLoaderFor } from './playlist-loader.ts';
import type { LostFootage } from './lost-footage.ts';
import { loadPlaylist, playlistPath, type LoadedPlaylist } from './playlist.ts';
import type { Range } from './range.ts';
import { onlyGrew, type MediaPiece } from './wall-map.ts';

/** One range of footage in a video element. */
export interface HlsSession {
  range: Range;
  /** Where media and wall time meet, as measured so far. */
  pieces(): readonly MediaPiece[];
  continuesAtMs: number | null;
  hasSound(): boolean;
  close(): void;
}

export interface SessionEvents {
  /** The browser cannot decode this codec. */
  onCodec(codec: string): void;
  /** Links have run out, or footage was repaired or deleted: the range must be opened anew at the same moment. */
  onStale(): void;
  /** The server does not have what the playlist names. */
  onLost(lost: LostFootage): void;
  onFailure(code: string): void;
}

/** How often an open range looks for more footage; the newest end is polled every 5 s elsewhere. */
const lookMs = 500;
/** Also without a sign of more: repairs of older footage are seen then. */
const rereadMs = 60_000;

interface SessionOptions {
  video: HTMLVideoElement;
  range: Range;
  first: LoadedPlaylist;
  /** Media time in seconds. */
  startPosition: number;
  /** End of the newest committed footage, ms since 1970. */
  newestMs: () => number;
  events: SessionEvents;
}

/** Plays a range. hls.js comes with the first one, in a file of its own. */
export async function openHls({
  video,
  range,
  first,
  startPosition,
  newestMs,
  events,
}: SessionOptions): Promise<HlsSession> {
  const { default: HlsLight, ErrorDetails, ErrorTypes, Events } = await import('hls.js/light');
  let latest = first;
  let given = false;
  let sound = false;

  const next = async (signal: AbortSignal): Promise<Answer<LoadedPlaylist>> => {
    if (!given) {
      given = true;
      return { kind: 'ok', value: first, headers: new Headers() };
    }
    const endMs = newestMs();
    await until(() => newestMs() > endMs, signal);
    const answer = await loadPlaylist(range, signal);
    if (answer.kind === 'ok') {
      if (!onlyGrew(latest.pieces, answer.value.pieces)) events.onStale();
      latest = answer.value;
      session.continuesAtMs = latest.continuesAtMs;
    }
    return answer;
  };

  const hls: Hls = new HlsLight({
    pLoader: playlistLoaderFor({ next }),
    startPosition,
    maxBufferLength: 10,
    maxMaxBufferLength: 20,
    backBufferLength: 30,
    maxBufferSize: 2e7,
    lowLatencyMode: false,
    startFragPrefetch: true,
    liveSyncDurationCount: 1,
    // We choose where to play; hls.js shall never run after the live edge by itself.
    liveMaxLatencyDurationCount: Number.POSITIVE_INFINITY,
    liveSyncMode: 'buffered',
  });

  let recovered = false;
  hls.on(Events.BUFFER_CODECS, (_event, data) => {
    sound = data.audio !== undefined || data.audiovideo?.codec?.includes('mp4a') === true;
  });
  hls.on(Events.ERROR, (_event, data) => {
    const status = data.response?.code;
    const isRefused = data.details === ErrorDetails.FRAG_LOAD_ERROR && [403, 404, 410].includes(status ?? 0);
    const lost = status === 403 ? null : objectOf(data.frag?.url);
    if (isRefused && lost !== null) {
      events.onLost(lost);
    } else if (isRefused) {
      events.onStale();
    } else if (isCodecError(data)) {
      events.onCodec(data.mimeType ?? '');
    } else if (data.fatal && data.type === ErrorTypes.MEDIA_ERROR && !recovered) {
      recovered = true;
      hls.recoverMediaError();
    } else if (data.fatal) {
      events.onFailure(data.details);
    }
  });
  /** All footage of the object that a link is to: it is lost as a whole. */
  const objectOf = (url: string | undefined): LostFootage | null => {
    const parts = (hls.levels[0]?.details?.fragments ?? []).filter((part) => part.url === url);
    const [fromMs, last] = [parts[0]?.programDateTime ?? null, parts.at(-1)];
    const lastMs = last?.programDateTime ?? null;
    return fromMs === null || lastMs === null ? null : { fromMs, toMs: lastMs + (last?.duration ?? 0) * 1000 };
  };
  const isCodecError = (data: ErrorData) =>
    data.details === ErrorDetails.BUFFER_ADD_CODEC_ERROR ||
    data.details === ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR ||
    data.details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR;

  const session: HlsSession = {
    range,
    continuesAtMs: first.continuesAtMs,
    pieces: () => {
      const fragments = hls.levels[0]?.details?.fragments;
      if (fragments === undefined || fragments.length === 0) return latest.pieces;
      return fragments.map(({ start, duration, programDateTime }) => ({
        mediaStart: start,
        seconds: duration,
        wallMs: programDateTime ?? 0,
      }));
    },
    hasSound: () => sound,
    close: () => hls.destroy(),
  };
  hls.loadSource(new URL(playlistPath(range), location.href).href);
  hls.attachMedia(video);
  return session;
}

/** Waits until `look` says yes, or until it is time to read again anyway, or it is no longer wanted. */
function until(look: () => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    const timer = setInterval(() => {
      if (!look() && !signal.aborted && performance.now() - startedMs < rereadMs) return;
      clearInterval(timer);
      resolve();
    }, lookMs);
  });
}
