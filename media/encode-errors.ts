/** Why an encode failed, as far as it decides what to do next. */
export type EncodeFailure =
  | 'session-limit' // the driver gives no further encoding session on this host
  | 'gpu-memory'
  | 'no-driver' // or a container without the `video` capability
  | 'wrong-driver'
  | 'no-device'
  | 'no-session-file' // sessions cannot be counted: their file cannot be read or written
  | 'device-lost'
  | 'unsupported-input' // this encoder or decoder cannot do this stream; another may
  | 'not-built-in' // this ffmpeg lacks the encoder, a filter or an option
  | 'bad-source'
  | 'disk-full'
  | 'stalled'
  | 'killed'
  | 'aborted'
  | 'bad-result' // what came out did not pass verification
  | 'no-encoder' // no rung of the ladder is left
  | 'failed';

/** What follows from a failure for the job and for its encoder. */
export type EncodeAction =
  | 'retry-later' // the encoder is fine and full: back to the queue
  | 'next-encoder' // for this job only
  | 'encoder-off' // for all jobs of this host, till a probe succeeds
  | 'give-up'; // no encoder would do better; counts towards parking the window

const actions: Record<EncodeFailure, EncodeAction> = {
  'session-limit': 'retry-later',
  'gpu-memory': 'retry-later',
  'no-driver': 'encoder-off',
  'wrong-driver': 'encoder-off',
  'no-device': 'encoder-off',
  'no-session-file': 'encoder-off',
  'device-lost': 'encoder-off',
  'unsupported-input': 'next-encoder',
  'not-built-in': 'encoder-off',
  'bad-source': 'give-up',
  'disk-full': 'retry-later',
  stalled: 'encoder-off',
  killed: 'give-up', // by the kernel for its memory, perhaps: then by the next attempt too
  aborted: 'retry-later',
  'bad-result': 'next-encoder',
  'no-encoder': 'retry-later',
  failed: 'next-encoder',
};

/** An encode that gave no result; the message is the telling line of stderr, without paths or logins. */
export class EncodeError extends Error {
  readonly failure: EncodeFailure;
  readonly action: EncodeAction;
  /** When it is worth to come back, where that is known. */
  readonly retryAfterMs: number | null;

  constructor(
    failure: EncodeFailure,
    message: string,
    options: { cause?: unknown; action?: EncodeAction; retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EncodeError';
    this.failure = failure;
    this.action = options.action ?? actions[failure];
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** Whether the driver has no session or memory left: the encoder is there, and busy. */
export function isFull(error: unknown): boolean {
  return error instanceof EncodeError && ['session-limit', 'gpu-memory'].includes(error.failure);
}

/**
 * ffmpeg's own words, the surest first. `No capable devices found` and `Error while opening encoder` are not among
 * them: every failure of NVENC prints them, an over-wide picture too.
 */
const rules: readonly (readonly [RegExp, EncodeFailure])[] = [
  [/No space left on device|Disk quota exceeded/, 'disk-full'],
  [/OpenEncodeSessionEx failed: incompatible client key/, 'session-limit'],
  // Older drivers say so at the session limit, newer ones where the memory is full; both mean: later, with fewer.
  [/OpenEncodeSessionEx failed: out of memory/, 'session-limit'],
  [/CUDA_ERROR_OUT_OF_MEMORY/, 'gpu-memory'],
  [/Cannot load (libcuda|libnvidia-encode|libnvcuvid|nvcuda|nvEncodeAPI)/, 'no-driver'],
  [/does not support the required nvenc API version|minimum required Nvidia driver for nvenc/, 'wrong-driver'],
  // Data-centre cards without an encoder (H100) say so only here.
  [/OpenEncodeSessionEx failed: (unsupported device|no encode device)/, 'no-device'],
  [/CUDA_ERROR_(NO_DEVICE|INVALID_DEVICE)|No VA display found|Error initializing an internal MFX session/, 'no-device'],
  [
    /Failed to initialise VAAPI connection|Device creation failed|No device available for decoder|Failed to set value '[^']*' for option 'hwaccel/,
    'no-device',
  ],
  [/CUDA_ERROR_(ECC|LAUNCH|ILLEGAL|DEVICE|UNKNOWN|SYSTEM|HARDWARE)|encoder was lost|device lost/i, 'device-lost'],
  [/(Width|Height) \d+ exceeds \d+|\d+ bit encode not supported|YUV4\d\dP? not supported/i, 'unsupported-input'],
  [/Hardware is lacking required capabilities|hwaccel initiali[sz]ation returned error/, 'unsupported-input'],
  [/Codec \w+ is not supported|(width|height) \d+ not within range|No support for codec/i, 'unsupported-input'],
  [/Impossible to convert between the formats|Unsupported (encoding|input) (profile|format)/i, 'unsupported-input'],
  [/hardware does not support encoding at size|Unrecognized surface format/i, 'unsupported-input'],
  [/Unknown encoder|No such filter|Unrecognized option|Option \S+ not found/, 'not-built-in'],
  [/moov atom not found|Invalid data found when processing input|matches no streams/, 'bad-source'],
];

/**
 * Reads stderr while it streams: the telling line comes first, and about nine others after it, so a tail would lose it.
 */
export function createEncodeClassifier(): {
  push(line: string): void;
  /** The surest failure named so far; null = none of the lines decides. */
  result(): { failure: EncodeFailure; line: string } | null;
} {
  let best = rules.length;
  let telling: string | null = null;
  return {
    push(line) {
      const found = rules.findIndex(([pattern]) => pattern.test(line));
      if (found < 0 || found >= best) return;
      best = found;
      telling = line.replace(/^(\[[^\]]*\]\s*)+/, '').trim();
    },
    result() {
      const failure = rules[best]?.[1];
      return failure === undefined || telling === null ? null : { failure, line: telling };
    },
  };
}
