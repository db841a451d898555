import type { AudioLoop } from './audio.ts';
import { videoPayloadType, type Loop } from './loop.ts';

/** The description of a stream, with its tracks at `trackID=0` (video) and `trackID=1` (audio). */
export function describe(loop: Loop, audio: AudioLoop | null): string {
  const { codec, fps } = loop.options;
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=Simulated camera',
    'c=IN IP4 0.0.0.0',
    't=0 0',
    'a=control:*',
    'a=range:npt=now-',
    `m=video 0 RTP/AVP ${videoPayloadType}`,
    `a=rtpmap:${videoPayloadType} ${codec === 'h264' ? 'H264' : 'H265'}/90000`,
    `a=fmtp:${videoPayloadType} ${parameters(loop)}`,
    `a=framerate:${fps}`,
    'a=control:trackID=0',
    ...(audio === null ? [] : [`m=audio 0 RTP/AVP ${audio.payloadType}`, ...audio.sdp, 'a=control:trackID=1']),
    '',
  ].join('\r\n');
}

function parameters({ options, parameterSets }: Loop): string {
  const encoded = parameterSets.map((nal) => nal.toString('base64'));
  if (options.codec === 'hevc') {
    const [vps, sps, pps] = encoded;
    return `sprop-vps=${vps};sprop-sps=${sps};sprop-pps=${pps}`;
  }
  const profile = parameterSets[0]?.subarray(1, 4).toString('hex') ?? '';
  return `packetization-mode=1;profile-level-id=${profile};sprop-parameter-sets=${encoded.join(',')}`;
}
