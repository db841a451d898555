import type { SegmentAnswer } from '../../api/schemas/footage.ts';
import { call, type Answer } from '../api.ts';
import { piecesOf, type MediaPiece } from './wall-map.ts';
import { longestRangeMs, type Range } from './range.ts';

export interface LoadedPlaylist {
  text: string;
  pieces: MediaPiece[];
  /** Where the next playlist must begin, since the tracks change there. */
  continuesAtMs: number | null;
}

function query(fromMs: number, toMs: number): string {
  return `from=${new Date(fromMs).toISOString()}&to=${new Date(toMs).toISOString()}`;
}

export function playlistPath({ cameraId, fromMs, toMs, open }: Range): string {
  return `/v1/cameras/${cameraId}/playlist.m3u8?${query(fromMs, open ? fromMs + longestRangeMs : toMs)}`;
}

/** Reads a range's playlist. One that is open loses its end mark, so that hls.js asks for more. */
export async function loadPlaylist(range: Range, signal?: AbortSignal): Promise<Answer<LoadedPlaylist>> {
  const answer = await call<string>('GET', playlistPath(range), { signal, text: true });
  if (answer.kind !== 'ok') return answer;
  const continues = answer.headers.get('x-continues-at');
  const continuesAtMs = continues === null ? null : Date.parse(continues);
  const endless = range.open && continuesAtMs === null;
  const text = endless
    ? answer.value.replace('#EXT-X-ENDLIST\n', '').replace('PLAYLIST-TYPE:VOD', 'PLAYLIST-TYPE:EVENT')
    : answer.value;
  return { ...answer, value: { text, pieces: piecesOf(text), continuesAtMs } };
}

/** How far ahead a search for footage looks: the longest range one call may have. */
const searchMs = 31 * 24 * 3_600_000;

/** The first segment that reaches beyond a moment; null when there is none within 31 days. */
export async function firstSegment(cameraId: string, fromMs: number): Promise<Answer<SegmentAnswer | null>> {
  const path = `/v1/cameras/${cameraId}/segments?${query(fromMs, fromMs + searchMs)}&limit=1`;
  const answer = await call<{ items: SegmentAnswer[] }>('GET', path);
  return answer.kind === 'ok' ? { ...answer, value: answer.value.items[0] ?? null } : answer;
}
