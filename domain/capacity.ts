/**
 * How many cameras a host's encoders take. Figures of cards and margins are data, the formula is one function, and each
 * term is shown, so that nobody has to believe the result.
 */

/** What is published of a card. Rates are of one engine at 1080p. */
export interface Card {
  name: string;
  encoders: number;
  decoders: number;
  /** H.264, preset p1, frames a second. */
  encodeFps: number;
  decodeFps: { h264: number; hevc: number };
  /** Per system, all cards of its kind together; null = none. */
  sessionCap: number | null;
  vramMb: number;
  source: string;
}

/** NVIDIA's tables name few cards; a row says which one its rates are of. */
export const cards: readonly Card[] = [
  {
    name: 'GeForce RTX 5090',
    encoders: 3,
    decoders: 2,
    encodeFps: 713,
    decodeFps: { h264: 1434, hevc: 1293 },
    sessionCap: 12,
    vramMb: 32_768,
    source: 'engines and cap: SDK 13.1 application note; rates: Jetson Thor (Blackwell class), SDK 13.0',
  },
  {
    name: 'GeForce RTX 4090',
    encoders: 2,
    decoders: 1,
    encodeFps: 713,
    decodeFps: { h264: 748, hevc: 748 },
    sessionCap: 12,
    vramMb: 24_576,
    source:
      'cap: SDK 13.1; decoding: the Ampere figure for both codecs; encoding: the Thor figure, no Ada row is published',
  },
  {
    name: 'RTX PRO 6000 Blackwell',
    encoders: 4,
    decoders: 4,
    encodeFps: 713,
    decodeFps: { h264: 1434, hevc: 1293 },
    sessionCap: null,
    vramMb: 98_304,
    source: 'cap: "unrestricted", SDK 13.1; rates: Jetson Thor',
  },
  {
    name: 'L4',
    encoders: 2,
    decoders: 4,
    encodeFps: 713,
    decodeFps: { h264: 748, hevc: 748 },
    sessionCap: null,
    vramMb: 24_576,
    source: 'engines unchecked; decoding: the Ampere figure; encoding: the Thor figure',
  },
];

/** What a camera sends and what is made of it. */
export interface Load {
  codec: 'h264' | 'hevc';
  inWidth: number;
  inHeight: number;
  inFps: number;
  outWidth: number;
  outHeight: number;
  outFps: number;
}

export interface Host {
  cores: number;
  /** By others, already. */
  sessionsInUse: number;
}

export interface Limit {
  name: 'encoder' | 'decoder' | 'sessions' | 'memory' | 'cores';
  /** Infinity = it limits nothing. */
  cameras: number;
  /** The term with its numbers. */
  arithmetic: string;
}

export interface Capacity {
  cameras: number;
  /** The limit that is reached first. */
  bottleneck: Limit['name'];
  limits: Limit[];
}

/** Margins of ours, not of any maker. */
export const margins = {
  /** Of an engine's paper rate; an RTX 5080 was measured at 60 % of it with one decoder. */
  engine: 0.85,
  cores: 0.7,
  /** Demuxing and muxing of a GPU transcode; 0.012 was measured for a copy. */
  coresPerCamera: 0.02,
  /** Of an ffmpeg that decodes and encodes on the GPU: 300 to 366 MiB are reported. */
  processMb: 366,
  reservedMb: 1024,
} as const;

const pixels1080 = 1920 * 1080;

/**
 * Cameras that one host with `count` equal cards can transcode all the time.
 * @param as `live`: one session a camera, for ever. `jobs`: finished windows one after another, so a session serves as
 * many cameras as it is faster than their cadence, up to the engines' rates; how fast is measured by calibration
 * @param sessionFps frames of the source a second that one session takes; needed for `jobs`, else the engines' rate
 */
export function cardCapacity(
  card: Card,
  load: Load,
  host: Host,
  options: { count?: number; as: 'live' | 'jobs'; sessionFps?: number },
): Capacity {
  const { count = 1, as } = options;
  const decodeFps = card.decodeFps[load.codec] * (pixels1080 / (load.inWidth * load.inHeight));
  const encodeFps = card.encodeFps * (pixels1080 / (load.outWidth * load.outHeight));
  const perSession = as === 'live' ? 1 : Math.max(1, (options.sessionFps ?? decodeFps * margins.engine) / load.inFps);
  const sessions = card.sessionCap === null ? Infinity : Math.max(0, card.sessionCap - host.sessionsInUse);
  const processes = Math.floor((count * (card.vramMb - margins.reservedMb)) / margins.processMb);
  const each = as === 'live' ? '' : ` x ${show(perSession)} cameras a session`;
  return strictest([
    {
      name: 'encoder',
      cameras: (margins.engine * count * card.encoders * encodeFps) / load.outFps,
      arithmetic: `${margins.engine} x ${count * card.encoders} NVENC x ${show(encodeFps)} fps / ${load.outFps} fps out`,
    },
    {
      name: 'decoder',
      // Frames that are dropped have been decoded: the camera's rate counts, not the output's.
      cameras: (margins.engine * count * card.decoders * decodeFps) / load.inFps,
      arithmetic: `${margins.engine} x ${count * card.decoders} NVDEC x ${show(decodeFps)} fps / ${load.inFps} fps in`,
    },
    {
      name: 'sessions',
      cameras: sessions * perSession,
      arithmetic:
        card.sessionCap === null ? 'no cap' : `(cap ${card.sessionCap} - ${host.sessionsInUse} in use)${each}`,
    },
    {
      name: 'memory',
      cameras: processes * perSession,
      arithmetic: `(${count} x (${card.vramMb} - ${margins.reservedMb}) MB) / ${margins.processMb} MB a process${each}`,
    },
    {
      name: 'cores',
      cameras: (margins.cores * host.cores) / margins.coresPerCamera,
      arithmetic: `${margins.cores} x ${host.cores} cores / ${margins.coresPerCamera} core a camera`,
    },
  ]);
}

/** What calibration measured with one encoder of a host. Rates in frames of the source a second. */
export interface Calibration {
  /** When, in ms since 1970. */
  atMs: number;
  encoder: { kind: string; device: string | null };
  /** As nvidia-smi or the system names it; null = it does not say. */
  device: string | null;
  cores: number;
  source: { codec: 'h264' | 'hevc'; width: number; height: number; fps: number; bitrateKbps: number };
  target: { width: number; height: number; fps: number; bitrateKbps: number };
  /** One entry for each number of encodes at once. */
  levels: { encodes: number; fps: number; cpuCores: number; vramMb: number | null }[];
  /** The number at once that was refused; null = none was, up to the last level. */
  refusedAt: number | null;
  /** The driver's words. */
  refusal: string | null;
  /** Encodes at once that this host should do. */
  slots: number;
}

/** Fewer at once that are this close to the best rate are better: each takes memory and a session. */
const goodEnough = 0.95;

/** The fewest encodes at once that reach 95 % of the best rate. */
export function bestSlots(levels: readonly { encodes: number; fps: number }[]): number {
  const best = levels.reduce((most, { fps }) => Math.max(most, fps), 0);
  const enough = levels.filter(({ fps }) => fps >= best * goodEnough).map(({ encodes }) => encodes);
  return enough.length === 0 ? 1 : Math.min(...enough);
}

/**
 * Cameras like the calibration's source that this host can encode all the time, by what was measured.
 * @param cpuIsShared recorders and databases run on the same cores
 */
export function measuredCapacity(calibration: Calibration, cpuIsShared: boolean): Capacity {
  const { levels, slots, source, encoder, cores } = calibration;
  const level = levels.find(({ encodes }) => encodes === slots);
  if (level === undefined) return { cameras: 0, bottleneck: 'encoder', limits: [] };
  const rate = (margins.engine * level.fps) / source.fps;
  const coresPerCamera = (level.cpuCores / level.fps) * source.fps;
  const share = cpuIsShared ? margins.cores : 1;
  return strictest([
    {
      name: 'encoder',
      cameras: rate,
      arithmetic: `${margins.engine} x ${show(level.fps)} fps with ${slots} ${encoder.kind} at once / ${source.fps} fps`,
    },
    {
      name: 'cores',
      cameras: coresPerCamera === 0 ? Infinity : (share * cores) / coresPerCamera,
      arithmetic: `${share} x ${cores} cores / ${coresPerCamera.toFixed(3)} core a camera`,
    },
  ]);
}

function strictest(exact: readonly Limit[]): Capacity {
  const limits = exact.map((limit) => ({ ...limit, cameras: Math.floor(limit.cameras) }));
  const least = limits.reduce((a, b) => (b.cameras < a.cameras ? b : a));
  return { cameras: least.cameras, bottleneck: least.name, limits };
}

function show(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}
