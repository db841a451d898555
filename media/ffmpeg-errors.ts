import type { GapReason } from '../domain/gap-reason.ts';

export interface Failure {
  reason: GapReason;
  /** The telling line, without ffmpeg's addresses. */
  line: string;
}

/**
 * What the lines of ffmpeg 5.1 to 8.0 mean, the surest first: a warning of the open (codec parameters) may precede
 * the real end of a long run, and "Invalid data" is said of a silent camera, of a closing one and of garbage alike.
 */
const rules: readonly (readonly [RegExp, GapReason])[] = [
  [/No space left on device|Disk quota exceeded/, 'spool-full'],
  [/Failed to open segment|Read-only file system|Input\/output error.*\.mp4/, 'storage-down'],
  [/\b401 Unauthorized|\b403 Forbidden|authorization failed|access denied/i, 'auth'],
  [/failed: 404\b|\b404 Not Found/i, 'not-found'],
  [/failed: 453\b|Not Enough Bandwidth/i, 'camera-busy'],
  [/method [A-Z_]+ failed: [345]\d\d\b|Server returned (4XX|5XX|400)|Protocol not supported/, 'bad-stream'],
  [/Connection refused/, 'refused'],
  [/Failed to resolve hostname|No route to host|Network is unreachable|Connection to \S+ failed/, 'unreachable'],
  [/Connection timed out|Operation timed out/, 'stalled'],
  [/Connection reset by peer|Broken pipe/, 'closed'],
  [/Could not find tag for codec|not currently supported in container/, 'bad-stream'],
  [/Could not find codec parameters|dimensions not set|matches no streams/, 'no-media'],
  [/Invalid data found when processing input/, 'bad-stream'],
];

/**
 * The reason ffmpeg's stderr gives for its end; null = it says nothing, as when a camera closes the connection.
 * @param lines in order, redacted
 */
export function classifyStderr(lines: readonly string[]): Failure | null {
  const serious = lines.filter((line) => !line.includes('[info]'));
  for (const [pattern, reason] of rules) {
    const line = serious.find((text) => pattern.test(text));
    if (line !== undefined) return { reason, line: bare(line) };
  }
  return null;
}

/** `[rtsp @ 0x55d] [error] text` -> `text`: addresses change from run to run and would make every error a new one. */
function bare(line: string): string {
  return line.replace(/^(\[[^\]]*\]\s*)+/, '').trim();
}
