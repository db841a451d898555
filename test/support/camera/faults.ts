import type { LoopOptions } from './loop-arguments.ts';

/** The requests a status code can be set for; `keep-alive` is any OPTIONS or GET_PARAMETER while playing. */
const faultyRequests = ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY', 'keep-alive'] as const;
export type FaultyRequest = (typeof faultyRequests)[number];

export function isFaultyRequest(name: string): name is FaultyRequest {
  return (faultyRequests as readonly string[]).includes(name);
}

/** What is wrong with a camera, or with one of its paths. Parts may be combined; times are ms since PLAY. */
export interface Fault {
  /** Answers these requests with this status code, e.g. `{ DESCRIBE: 404 }`. */
  status?: Partial<Record<FaultyRequest, number>>;
  /** Answers DESCRIBE with 302 to this URL. */
  redirectTo?: string;
  /** Accepts connections and requests, never answers. */
  silent?: boolean;
  /** Closes the connection: as soon as it is open (only in the fault of path `*`), or at the first request. */
  closeAt?: 'accept' | 'request';
  /** Answers every request like a web server, or with bytes that mean nothing. */
  answer?: 'http' | 'garbage';
  /** Takes PLAY, sends no media. */
  noMedia?: boolean;
  /** Announces sound and sends none any more (0: never any); the pictures go on. */
  muteAudioAfterMs?: number;
  /** Sends nothing more, but keeps the connection. */
  stallAfterMs?: number;
  /** Ends the connection, by FIN (`eof`, the default) or RST. */
  endAfterMs?: number;
  endBy?: 'eof' | 'rst';
  /** The camera's clock (RTP and RTCP) jumps by `clockJumpMs`, once. */
  clockJumpAfterMs?: number;
  clockJumpMs?: number;
  /** 200 bytes that mean nothing between RTP packets, this often. */
  garbageEveryMs?: number;
  /** Never more than this: pictures that do not fit are lost up to the next key picture, as in a camera's own queue. */
  maxBytesPerSecond?: number;
  /** Each picture is late by 0 to this many ms; the order stays. */
  jitterMs?: number;
  /** Pictures are held and sent together, this often. */
  burstEveryMs?: number;
  /** Pads each picture with filler data up to this rate. */
  padToKbps?: number;
  /** Never a key picture, nor in-band parameter sets. */
  neverKey?: boolean;
  /** The stream changes to one with these options at the first key picture after `changeAfterMs` (default 0). */
  changeTo?: Partial<LoopOptions>;
  changeAfterMs?: number;
  /** A keep-alive gets 401 with `stale=true` once a session (needs a Digest login). */
  staleNonce?: boolean;
}
