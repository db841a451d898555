import { describe, expect, it } from 'vitest';
import { probeArguments, recordArguments, type RecordOptions } from '../../media/ffmpeg-arguments.ts';

const options: RecordOptions = {
  url: 'rtsp://127.0.0.1:4000/live',
  dir: '/spool/open/1',
  segmentSeconds: 60,
  codec: 'h264',
  audio: 'none',
  audioCodec: null,
  timeoutMs: 5000,
};

/** As it was measured, each D being the same expression. */
const D =
  'if(eq(N\\,0)\\,0\\,PREV_OUTDTS+if(between(DTS-PREV_INDTS\\,1\\,1080000)\\,DTS-PREV_INDTS\\,if(gt(DURATION\\,0)\\,DURATION\\,3000)))';
const measured = [
  '-hide_banner -nostdin -nostats -v level+info -progress pipe:3 -stats_period 5',
  '-rtsp_transport tcp -allowed_media_types video -timeout 5000000 -protocol_whitelist tcp,rtp -f rtsp -i rtsp://127.0.0.1:4000/live',
  '-map 0:v:0 -c copy',
  `-bsf:v setts=dts=${D}:pts=if(between(PTS-DTS\\,0\\,180000)\\,PTS-DTS\\,0)+${D}`,
  '-f segment -segment_time 60 -segment_time_delta 0.05 -segment_format mp4',
  '-segment_format_options movflags=+frag_keyframe+empty_moov+default_base_moof+frag_discont:frag_duration=1000000:avoid_negative_ts=disabled:flush_packets=1',
  '-segment_list pipe:1 -segment_list_type csv /spool/open/1/%d.mp4',
].join(' ');

const after = (args: string[], flag: string) => args[args.indexOf(flag) + 1];

describe('recordArguments', () => {
  it('are the measured ones for H.264 without audio', () => {
    expect(recordArguments(options).join(' ')).toBe(measured);
  });

  it('tag H.265 as browsers want it', () => {
    expect(recordArguments({ ...options, codec: 'hevc' }).join(' ')).toBe(
      measured.replace('-c copy', '-c copy -tag:v hvc1'),
    );
  });

  it('copy AAC, encode the rest, and map audio only where there is some', () => {
    const aac = recordArguments({ ...options, audio: 'aac', audioCodec: 'aac' });
    expect(after(aac, '-c:v')).toBe('copy');
    expect(after(aac, '-c:a')).toBe('copy');
    expect(aac.join(' ')).toContain('-map 0:v:0 -map 0:a:0?');
    expect(after(aac, '-allowed_media_types')).toBe('video+audio');
    for (const audioCodec of ['pcm_mulaw', 'pcm_alaw', 'g726', null]) {
      const other = recordArguments({ ...options, audio: 'aac', audioCodec });
      expect(other.join(' ')).toContain('-c:v copy -c:a aac -ar 16000 -b:a 32k -af asetpts=');
      expect(after(other, '-af')).toMatch(/,aresample=async=1000$/);
      expect(after(other, '-bsf:v')).toBe(after(recordArguments(options), '-bsf:v'));
      expect(other).not.toContain('-bsf:a');
      expect(after(other, '-max_interleave_delta')).toBe('250000');
    }
    expect(after(aac, '-max_interleave_delta')).toBe('250000');
  });

  it('never ask for audio that the profile does not keep (pain 9)', () => {
    const args = recordArguments({ ...options, audioCodec: 'pcm_alaw' });
    expect(after(args, '-allowed_media_types')).toBe('video');
    expect(args).not.toContain('-c:a');
  });

  it('refuse a stall limit that reaches the longest pause kept', () => {
    expect(() => recordArguments({ ...options, timeoutMs: 6000 })).toThrow(RangeError);
  });
});

it('probeArguments read from RTSP over TCP only', () => {
  const args = probeArguments({ url: options.url, timeoutMs: 4000 });
  expect(after(args, '-protocol_whitelist')).toBe('tcp,rtp');
  expect(after(args, '-f')).toBe('rtsp');
  expect(after(args, '-timeout')).toBe('4000000');
});
