import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { recordArguments, type RecordOptions } from '../../../media/ffmpeg-arguments.ts';

/** What became of a recording ffmpeg. */
export interface RecordingEnd {
  code: number | null;
  /** Lines of level warning and worse. */
  complaints: string[];
  /** The files it made, in order. */
  files: string[];
}

export interface Recording {
  ended: Promise<RecordingEnd>;
  /** SIGTERM. */
  stop(): void;
  /** Ends it at once and removes its files. */
  remove(): void;
}

export type RecordingOptions = Partial<Omit<RecordOptions, 'dir'>> & { url: string; ffmpeg?: string };

/** Runs the recorder's ffmpeg by itself, without dialer and journal: what ffmpeg makes of a camera. */
export function startRecording({ ffmpeg = 'ffmpeg', ...options }: RecordingOptions): Recording {
  const dir = mkdtempSync(path.join(tmpdir(), 'framekeep-recording-'));
  const defaults = { codec: 'h264', audio: 'none', audioCodec: null, segmentSeconds: 2, timeoutMs: 1000 } as const;
  // ffmpeg's progress is on fd 3: were it not a pipe of ours, ffmpeg would write into the socket that has this number
  const child = spawn(ffmpeg, recordArguments({ ...defaults, ...options, dir }), {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [, list, complaints, progress] = child.stdio;
  if (!(list instanceof Readable && complaints instanceof Readable && progress instanceof Readable))
    throw new Error('no pipes');
  let stderr = '';
  list.resume();
  progress.resume();
  complaints.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const ended = new Promise<RecordingEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const lines = stderr.split('\n').filter((line) => line !== '' && !line.includes('[info]'));
      const names = Array.from({ length: 1000 }, (_, index) => path.join(dir, `${index}.mp4`));
      resolve({ code, complaints: lines, files: names.filter((name) => existsSync(name)) });
    });
  });
  return {
    ended,
    stop: () => void child.kill('SIGTERM'),
    remove() {
      child.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
