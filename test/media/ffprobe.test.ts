import { describe, expect, it } from 'vitest';
import { parseProbe } from '../../media/ffprobe.ts';

const video = { codec_type: 'video', codec_name: 'h264', width: 1920, height: 1080, has_b_frames: 0 };
const parse = (...streams: object[]) => parseProbe(JSON.stringify({ streams }));

describe('parseProbe', () => {
  it('takes the first video and the first audio', () => {
    const info = parse({ codec_type: 'data' }, { codec_type: 'audio', codec_name: 'pcm_alaw' }, video);
    expect(info).toMatchObject({ codec: 'h264', width: 1920, height: 1080, audioCodec: 'pcm_alaw' });
  });

  it('reads rates as ffprobe writes them', () => {
    const fps = (rates: object) => parse({ ...video, ...rates }).fps;
    expect(fps({ avg_frame_rate: '30000/1001' })).toBe(29.97);
    expect(fps({ avg_frame_rate: '0/0', r_frame_rate: '25/1' })).toBe(25);
    expect(fps({ avg_frame_rate: '0/0', r_frame_rate: '0/0' })).toBeNull();
    expect(fps({})).toBeNull();
  });

  it('knows bit rate and B-frames where they are told', () => {
    expect(parse({ ...video, bit_rate: '4194304', has_b_frames: 2 })).toMatchObject({
      bitrateKbps: 4194,
      hasBFrames: true,
    });
    expect(parse(video)).toMatchObject({ bitrateKbps: null, hasBFrames: false });
  });

  it.each([
    ['no video', [{ codec_type: 'audio', codec_name: 'aac' }], 'no-media'],
    ['another codec', [{ ...video, codec_name: 'mjpeg' }], 'bad-stream'],
    ['no size', [{ ...video, width: 0, height: 0 }], 'no-media'],
    ['nothing', [], 'no-media'],
  ])('refuses %s with its reason', (_, streams, reason) => {
    expect(() => parse(...streams)).toThrow(
      expect.objectContaining({ code: 'camera-probe-failed', details: expect.objectContaining({ reason }) }),
    );
  });

  it('refuses what is no description at all', () => {
    for (const text of ['', '[]', '{"streams":5}', 'Segmentation fault']) {
      expect(() => parseProbe(text)).toThrow(
        expect.objectContaining({ details: expect.objectContaining({ reason: 'bad-stream' }) }),
      );
    }
  });
});
