/**
 * What a camera offers, named as ffmpeg names codecs; video is null for codecs that cannot be recorded, audio `unknown`.
 */
export interface StreamDescription {
  video: 'h264' | 'hevc' | null;
  audio: string | null;
}

export interface SessionDescription {
  description: StreamDescription;
  /** The kinds of the streams in order, `video`, `audio`, `application`. */
  kinds: string[];
  /** The absolute control URI of the whole session, and of each stream, as the camera knows them. */
  control: string;
  streamControls: string[];
  /** The description with all control URIs replaced by `localControl` (session) and `localStream(n)`. */
  text: string;
}

const videoCodecs: Record<string, 'h264' | 'hevc'> = { H264: 'h264', H265: 'hevc', HEVC: 'hevc' };
const audioCodecs: Record<string, string> = {
  PCMU: 'pcm_mulaw',
  PCMA: 'pcm_alaw',
  'MPEG4-GENERIC': 'aac',
  'MP4A-LATM': 'aac',
  OPUS: 'opus',
  G722: 'g722',
  L16: 'pcm_s16be',
  MPA: 'mp2',
  L8: 'pcm_u8',
  L24: 'pcm_s24be',
  AMR: 'amr_nb',
  'AMR-WB': 'amr_wb',
  AC3: 'ac3',
  G723: 'g723_1',
  SPEEX: 'speex',
  VORBIS: 'vorbis',
};
/** RFC 3551 numbers that need no rtpmap. */
const staticTypes: Record<string, string> = {
  '0': 'PCMU',
  '8': 'PCMA',
  '9': 'G722',
  '10': 'L16',
  '11': 'L16',
  '14': 'MPA',
};

/**
 * Reads an SDP (RFC 4566) and replaces its control URIs. They are joined as ffmpeg joins them, a relative one after
 * the base and a slash, since that is what cameras are used to (`...?channel=1/trackID=0`).
 * @param base Content-Base, else Content-Location, else the request URI
 */
export function readSessionDescription(
  sdp: string,
  base: string,
  local: { control: string; stream: (index: number) => string },
): SessionDescription {
  const sections: string[][] = [[]];
  // ffmpeg, too, ends lines at a lone CR and skips leading blanks: a control line must not slip by.
  for (const line of sdp.split(/[\r\n\0]+/).map((text) => text.trimStart())) {
    if (line === '') continue;
    if (line.startsWith('m=')) sections.push([]);
    sections.at(-1)?.push(line);
  }
  const [session = [], ...streams] = sections;
  const sessionControl = controlOf(session);
  const control = sessionControl !== null && isAbsolute(sessionControl) ? sessionControl : base;
  const streamControls = streams.map((lines) => {
    const own = controlOf(lines);
    if (own === null || own === '*') return control;
    if (isAbsolute(own)) return own;
    return `${control}${control.endsWith('/') ? '' : '/'}${own}`;
  });
  const lines = [
    ...withControl(session, local.control),
    ...streams.flatMap((stream, index) => withControl(stream, local.stream(index))),
  ];
  return {
    description: describe(streams),
    kinds: streams.map((stream) => /^m=(\S+)/.exec(stream[0] ?? '')?.[1] ?? ''),
    control,
    streamControls,
    text: `${lines.join('\r\n')}\r\n`,
  };
}

function controlOf(lines: string[]): string | null {
  return (
    lines
      .find((line) => line.startsWith('a=control:'))
      ?.slice('a=control:'.length)
      .trim() ?? null
  );
}

function isAbsolute(control: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(control);
}

function withControl(lines: string[], control: string): string[] {
  return [...lines.filter((line) => !line.startsWith('a=control:')), `a=control:${control}`];
}

function describe(streams: string[][]): StreamDescription {
  const found: StreamDescription = { video: null, audio: null };
  for (const lines of streams) {
    const media = /^m=(\S+) \S+ \S+ (\d+)/.exec(lines[0] ?? '');
    const type = media?.[2] ?? '';
    const map = lines.find((line) => line.startsWith(`a=rtpmap:${type} `));
    const name = (map?.split(' ')[1]?.split('/')[0] ?? staticTypes[type] ?? '').toUpperCase();
    if (media?.[1] === 'video') found.video ??= videoCodecs[name] ?? null;
    if (media?.[1] === 'audio') {
      found.audio ??= audioCodecs[name] ?? (name.startsWith('G726') ? 'adpcm_g726' : 'unknown');
    }
  }
  return found;
}
