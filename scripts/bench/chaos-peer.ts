import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readFrameCounters, unwrapCounters } from '../../test/support/frame-counter.ts';
import type { ShownFrames } from '../../test/support/missing-pictures.ts';
import type { PeerFaults } from './chaos-faults.ts';
import { descendantsOf, signalProcess } from './process-usage.ts';

/** `while true; ffmpeg -f segment` for each camera: what many write before they need a recorder. */
export interface PlainLoops extends PeerFaults {
  stop(): Promise<void>;
  /** Pictures in none of its readable files, of those that the cameras showed from `fromMs` to `toMs`. */
  lost(cameras: ShownFrames[], fromMs: number, toMs: number): Promise<{ lostMs: number; undecodable: number }>;
}

/** Names say the second of their start; a restart within the same second must not overwrite, hence the sleep. */
const script = `while true; do
  ffmpeg -nostdin -v error -rtsp_transport tcp -timeout 5000000 -i "$0" -c copy -f segment -segment_time 2 \
    -reset_timestamps 1 -strftime 1 "$1/%s.mp4"
  sleep 1
done`;

export function startPlainLoops(urls: string[], dir: string): PlainLoops {
  const folders = urls.map((_, place) => join(dir, String(place)));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const loops: (ChildProcess | undefined)[] = [];

  function start(place: number): void {
    const words = ['-c', script, urls[place] ?? '', folders[place] ?? ''];
    loops[place] = spawn('sh', words, { stdio: 'ignore', detached: true });
  }

  async function end(place: number): Promise<void> {
    const loop = loops[place];
    if (loop?.pid === undefined || loop.exitCode !== null || loop.signalCode !== null) return;
    const exited = once(loop, 'exit');
    process.kill(-loop.pid, 'SIGKILL');
    await exited;
  }

  urls.forEach((_, place) => start(place));
  return {
    kill(camera) {
      if (camera !== null) {
        for (const pid of descendantsOf(loops[camera]?.pid ?? 0)) signalProcess(pid, 'SIGKILL');
        return () => undefined;
      }
      const ended = urls.map((_, place) => end(place));
      return () => ended.forEach((each, place) => void each.then(() => start(place)));
    },
    async stop() {
      await Promise.all(urls.map((_, place) => end(place)));
    },
    async lost(cameras, fromMs, toMs) {
      let lostMs = 0;
      let undecodable = 0;
      for (const [place, camera] of cameras.entries()) {
        const indexAt = (ms: number): number => camera.index + ((ms - camera.atMs) * camera.fps) / 1000;
        const seen = new Set<number>();
        for (const name of readdirSync(folders[place] ?? '')) {
          const first = indexAt(Number.parseInt(name, 10) * 1000);
          try {
            const counters = await readFrameCounters(join(folders[place] ?? '', name));
            const expected = counters.map((_, at) => first + at);
            for (const index of unwrapCounters(counters, camera.loopFrames, expected)) seen.add(index);
          } catch {
            undecodable += 1; // cut off before its index was written: that is the loss that is counted
          }
        }
        for (let index = Math.ceil(indexAt(fromMs)); index <= indexAt(toMs); index += 1) {
          if (!seen.has(index)) lostMs += 1000 / camera.fps;
        }
      }
      return { lostMs, undecodable };
    },
  };
}
