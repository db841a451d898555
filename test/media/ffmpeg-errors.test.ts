import { describe, expect, it } from 'vitest';
import { classifyStderr } from '../../media/ffmpeg-errors.ts';

const url = 'rtsp://127.0.0.1:4000/live';

/** What ffmpeg 5.1 prints, in its order. */
const cases: readonly (readonly [string, string, readonly string[]])[] = [
  [
    '401',
    'auth',
    [
      '[rtsp @ 0x55d] [error] method DESCRIBE failed: 401 Unauthorized',
      `[error] ${url}: Server returned 401 Unauthorized (authorization failed)`,
    ],
  ],
  [
    '403',
    'auth',
    [
      '[rtsp @ 0x55d] [error] method DESCRIBE failed: 403 Forbidden',
      `[error] ${url}: Server returned 403 Forbidden (access denied)`,
    ],
  ],
  [
    '404',
    'not-found',
    ['[rtsp @ 0x55d] [error] method DESCRIBE failed: 404 Not Found', `[error] ${url}: Server returned 404 Not Found`],
  ],
  ['400', 'bad-stream', [`[error] ${url}: Server returned 400 Bad Request`]],
  [
    '453',
    'camera-busy',
    [
      '[rtsp @ 0x55d] [error] method DESCRIBE failed: 453 Not Enough Bandwidth',
      `[error] ${url}: Server returned 4XX Client Error, but not one of 40{0,1,3,4}`,
    ],
  ],
  [
    '454',
    'bad-stream',
    [
      '[rtsp @ 0x55d] [error] method PLAY failed: 454 Session Not Found',
      `[error] ${url}: Server returned 4XX Client Error, but not one of 40{0,1,3,4}`,
    ],
  ],
  ['503', 'bad-stream', [`[error] ${url}: Server returned 5XX Server Error reply`]],
  [
    '461',
    'bad-stream',
    ['[rtsp @ 0x55d] [error] method SETUP failed: 461 Unsupported Transport', `[error] ${url}: Protocol not supported`],
  ],
  [
    'refused',
    'refused',
    [
      '[tcp @ 0x55d] [error] Connection to tcp://10.0.0.9:554?timeout=0 failed: Connection refused',
      `[error] ${url}: Connection refused`,
    ],
  ],
  ['DNS', 'unreachable', ['[tcp @ 0x55d] [error] Failed to resolve hostname nowhere: Name or service not known']],
  ['no route', 'unreachable', ['[tcp @ 0x55d] [error] Connection to tcp://10.0.0.9:554 failed: No route to host']],
  [
    'open timed out',
    'unreachable',
    ['[tcp @ 0x55d] [error] Connection to tcp://10.0.0.9:554?timeout=5000000 failed: Connection timed out'],
  ],
  ['garbage', 'bad-stream', [`[error] ${url}: Invalid data found when processing input`]],
  [
    'no media',
    'no-media',
    [
      '[rtsp @ 0x55d] [warning] Could not find codec parameters for stream 0 (Video: h264, none): unspecified size',
      '[mp4 @ 0x55e] [error] dimensions not set',
      '[error] Could not write header for output file #0 (incorrect codec parameters ?): Invalid argument',
    ],
  ],
  ['stall', 'stalled', [`[error] ${url}: Connection timed out`]],
  ['stall in ffmpeg 8.0', 'stalled', ['[rtsp @ 0x55d] [error] Failed reading RTSP data: Connection timed out']],
  ['full disk', 'spool-full', ['[error] av_interleaved_write_frame(): No space left on device']],
  ['bad path', 'storage-down', ["[segment @ 0x55d] [error] Failed to open segment '/spool/open/1/0.mp4'"]],
  [
    'PCMU into MP4',
    'bad-stream',
    [
      '[mp4 @ 0x55d] [error] Could not find tag for codec pcm_mulaw in stream #1, codec not currently supported in container',
    ],
  ],
];

describe('classifyStderr', () => {
  it.each(cases)('%s is %s', (_, reason, lines) => {
    expect(classifyStderr(lines)?.reason).toBe(reason);
  });

  it('gives the telling line without addresses that change from run to run', () => {
    expect(classifyStderr(cases[0]?.[2] ?? [])?.line).toBe('method DESCRIBE failed: 401 Unauthorized');
  });

  it('says nothing where ffmpeg says nothing: a camera that closes leaves no line', () => {
    expect(classifyStderr([])).toBeNull();
    expect(classifyStderr(['[info] Exiting normally, received signal 15.'])).toBeNull();
    expect(classifyStderr(['[mp4 @ 0x55d] [warning] Non-monotonous DTS in output stream 0:0'])).toBeNull();
    expect(classifyStderr(['[segment @ 0x1] [warning] Non-monotonic DTS; previous: 2, current: 1'])).toBeNull();
  });

  it('is not misled by a warning of the open when a long run ends by a stall', () => {
    const lines = [
      '[warning] Could not find codec parameters for stream 1 (Audio: none)',
      `[error] ${url}: Connection timed out`,
    ];
    expect(classifyStderr(lines)?.reason).toBe('stalled');
  });

  it('does not read reasons from what ffmpeg merely tells', () => {
    expect(classifyStderr(["[info] Input #0, rtsp, from 'rtsp://127.0.0.1:1/Connection refused':"])).toBeNull();
  });
});
