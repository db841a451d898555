import { generated } from './loop-cache.ts';
import { frame, type Packets } from './packets.ts';

/** `x-voice` is one that nobody knows, `opus` one whose packets cannot be decoded. */
export type AudioCodec = 'pcmu' | 'pcma' | 'aac' | 'x-voice' | 'opus';

/** An endless 440 Hz tone, packetised. */
export interface AudioLoop {
  codec: AudioCodec;
  sampleRate: number;
  samplesPerPacket: number;
  payloadType: number;
  packets: Packets[];
  /** SDP lines below `m=audio`. */
  sdp: string[];
}

const aacPayloadType = 97;

/** G.711 with 20 ms packets at 8 kHz, or AAC-LC (RFC 3640, AAC-hbr), one frame of 1,024 samples a packet at 16 kHz. */
export async function loadAudio(codec: AudioCodec, ffmpeg = 'ffmpeg'): Promise<AudioLoop> {
  if (codec === 'aac') return aacLoop(ffmpeg);
  const name = codec === 'pcmu' ? 'mulaw' : 'alaw';
  const [bytes] = await generated(ffmpeg, toneArguments(8000, 1, [`-c:a`, `pcm_${name}`, '-f', name]), ['tone']);
  const payloadType = { pcmu: 0, pcma: 8, 'x-voice': 98, opus: 99 }[codec];
  return {
    codec,
    sampleRate: 8000,
    samplesPerPacket: 160,
    payloadType,
    packets: slices(bytes ?? Buffer.alloc(0), 160).map((payload) => frame([payload], payloadType, false)),
    sdp: [`a=rtpmap:${payloadType} ${codec.toUpperCase()}/${codec === 'opus' ? '48000/2' : 8000}`],
  };
}

function toneArguments(sampleRate: number, seconds: number, encoder: string[]): string[] {
  const source = `sine=frequency=440:sample_rate=${sampleRate}:duration=${seconds}`;
  return ['-hide_banner', '-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', source, ...encoder, 'tone'];
}

async function aacLoop(ffmpeg: string): Promise<AudioLoop> {
  const [adts] = await generated(ffmpeg, toneArguments(16_000, 10, ['-c:a', 'aac', '-b:a', '32k', '-f', 'adts']), [
    'tone',
  ]);
  return {
    codec: 'aac',
    sampleRate: 16_000,
    samplesPerPacket: 1024,
    payloadType: aacPayloadType,
    packets: adtsFrames(adts ?? Buffer.alloc(0)).map((body) => {
      const header = Buffer.from([0, 16, body.length >> 5, (body.length & 0x1f) << 3]); // one AU of 13-bit size
      return frame([Buffer.concat([header, body])], aacPayloadType, true);
    }),
    // AudioSpecificConfig 0x1408: AAC-LC, 16 kHz, mono
    sdp: [
      `a=rtpmap:${aacPayloadType} MPEG4-GENERIC/16000/1`,
      `a=fmtp:${aacPayloadType} streamtype=5;profile-level-id=1;mode=AAC-hbr;config=1408;sizeLength=13;indexLength=3;indexDeltaLength=3`,
    ],
  };
}

function adtsFrames(adts: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at + 7 <= adts.length;) {
    const bytes = (((adts[at + 3] ?? 0) & 3) << 11) | ((adts[at + 4] ?? 0) << 3) | ((adts[at + 5] ?? 0) >> 5);
    if (bytes <= 7) throw new Error(`not ADTS at ${at}`);
    frames.push(adts.subarray(at + 7, at + bytes));
    at += bytes;
  }
  return frames;
}

function slices(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}
