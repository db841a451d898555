import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ffprobe, run } from '../media/footage.ts';
import { readFrameCounters } from './frame-counter.ts';

/** A picture as a player shows it. */
export interface ShownPicture {
  /** Burnt in. */
  counter: number;
  /** By the playlist, ms since 1970. */
  atMs: number;
}

/** Footage that is played with one init and one wall time to begin with. */
interface Clip {
  init: { uri: string; bytes: string };
  startMs: number;
  entries: { uri: string; bytes: string; ms: number }[];
}

/**
 * What a playlist shows and when: its bytes are fetched as a player does, every picture's counter is read, and its time
 * is that of its entry, from `EXT-X-PROGRAM-DATE-TIME` and the entries before it, and its own within the entry.
 * @param read the bytes of a range, given as `Range` has it
 */
export async function shownPictures(
  playlist: string,
  read: (uri: string, range: string) => Promise<Buffer>,
): Promise<ShownPicture[]> {
  const dir = await mkdtemp(join(tmpdir(), 'framekeep-shown-'));
  try {
    const shown: ShownPicture[] = [];
    for (const [place, clip] of clipsOf(playlist).entries()) {
      const parts = [await read(clip.init.uri, clip.init.bytes)];
      for (const { uri, bytes } of clip.entries) parts.push(await read(uri, bytes));
      const path = join(dir, `${place}.mp4`);
      await writeFile(path, Buffer.concat(parts));
      const counters = await readFrameCounters(path);
      const packets = await timesOf(path);
      if (packets.length !== counters.length) throw new Error(`${packets.length} packets, ${counters.length} pictures`);
      let offset = parts[0]?.length ?? 0;
      let startMs = clip.startMs;
      for (const [i, { ms }] of clip.entries.entries()) {
        const end = offset + (parts[i + 1]?.length ?? 0);
        const own = packets.flatMap(({ pos, ms: atMs }, n) => (pos >= offset && pos < end ? [{ n, atMs }] : []));
        for (const { n, atMs } of own) {
          shown.push({ counter: counters[n] ?? -1, atMs: startMs + atMs - (own[0]?.atMs ?? 0) });
        }
        offset = end;
        startMs += ms;
      }
    }
    return shown;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Without B-frames the order of packets is that of pictures. */
async function timesOf(path: string): Promise<{ pos: number; ms: number }[]> {
  const args = ['-v', 'error', '-select_streams', 'v', '-show_entries', 'packet=pts_time,pos', '-of', 'csv=p=0', path];
  return (await run(ffprobe, args))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [seconds, pos] = line.split(',').map(Number);
      return { pos: pos ?? Number.NaN, ms: (seconds ?? Number.NaN) * 1000 };
    });
}

function clipsOf(playlist: string): Clip[] {
  const clips: Clip[] = [];
  let init: Clip['init'] | null = null;
  let ms = 0;
  let bytes = '';
  for (const line of playlist.split('\n')) {
    const map = /^#EXT-X-MAP:URI="([^"]+)",BYTERANGE="([^"]+)"/.exec(line);
    if (map !== null) init = { uri: map[1] ?? '', bytes: rangeOf(map[2] ?? '') };
    const time = /^#EXT-X-PROGRAM-DATE-TIME:(.+)$/.exec(line)?.[1];
    if (time !== undefined && init !== null) clips.push({ init, startMs: Date.parse(time), entries: [] });
    const seconds = /^#EXTINF:([\d.]+)/.exec(line)?.[1];
    if (seconds !== undefined) ms = Number(seconds) * 1000;
    const range = /^#EXT-X-BYTERANGE:(.+)$/.exec(line)?.[1];
    if (range !== undefined) bytes = rangeOf(range);
    if (line !== '' && !line.startsWith('#')) clips.at(-1)?.entries.push({ uri: line, bytes, ms });
  }
  return clips;
}

/** `<length>@<offset>` as HTTP says it. */
function rangeOf(text: string): string {
  const [length = 0, offset = 0] = text.split('@').map(Number);
  return `bytes=${offset}-${offset + length - 1}`;
}
