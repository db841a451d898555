import { describe, expect, it } from 'vitest';
import { readSessionDescription } from '../../../recorder/dialer/session-description.ts';

const local = { control: 'rtsp://local/session', stream: (index: number) => `rtsp://local/stream/${index}` };
const video = ['m=video 0 RTP/AVP 96', 'a=rtpmap:96 H264/90000'];
const audio = ['m=audio 0 RTP/AVP 8'];

function read(lines: string[], base = 'rtsp://cam/a'): ReturnType<typeof readSessionDescription> {
  return readSessionDescription(`${lines.join('\r\n')}\r\n`, base, local);
}

describe('readSessionDescription', () => {
  it('joins relative control URIs to the base as ffmpeg does', () => {
    const lines = ['v=0', 'a=control:*', ...video, 'a=control:trackID=0', ...audio, 'a=control:trackID=1'];
    expect(read(lines, 'rtsp://cam/a?channel=1')).toMatchObject({
      control: 'rtsp://cam/a?channel=1',
      streamControls: ['rtsp://cam/a?channel=1/trackID=0', 'rtsp://cam/a?channel=1/trackID=1'],
      kinds: ['video', 'audio'],
    });
    expect(read(lines, 'rtsp://cam/a/').streamControls[0]).toBe('rtsp://cam/a/trackID=0');
  });

  it('takes absolute control URIs as they are', () => {
    const lines = ['v=0', 'a=control:rtsp://10.0.0.7/s', ...video, 'a=control:rtsp://10.0.0.7/s/v'];
    expect(read(lines)).toMatchObject({ control: 'rtsp://10.0.0.7/s', streamControls: ['rtsp://10.0.0.7/s/v'] });
  });

  it('sets a stream without control up by the session', () => {
    expect(read(['v=0', ...video])).toMatchObject({ control: 'rtsp://cam/a', streamControls: ['rtsp://cam/a'] });
  });

  it('shows ffmpeg local URIs only, however the lines end', () => {
    for (const lineEnd of ['\r\n', '\n', '\r']) {
      const lines = ['v=0', 'a=control:rtsp://cam/s', ...video, 'a=control:rtsp://cam/v', ' a=control:rtsp://cam/w'];
      const { text } = readSessionDescription(lines.join(lineEnd), 'rtsp://cam/a', local);
      expect(text.match(/a=control:.*/g)).toEqual([
        'a=control:rtsp://local/session',
        'a=control:rtsp://local/stream/0',
      ]);
      expect(text).not.toContain('cam');
      expect(text).toContain('a=rtpmap:96 H264/90000\r\n');
    }
  });

  it.each([
    [['m=video 0 RTP/AVP 96', 'a=rtpmap:96 H265/90000'], { video: 'hevc', audio: null }],
    [['m=video 0 RTP/AVP 26'], { video: null, audio: null }],
    [[...audio, ...video], { video: 'h264', audio: 'pcm_alaw' }],
    [[...video, 'm=audio 0 RTP/AVP 0'], { video: 'h264', audio: 'pcm_mulaw' }],
    [[...video, 'm=audio 0 RTP/AVP 97', 'a=rtpmap:97 mpeg4-generic/16000/1'], { video: 'h264', audio: 'aac' }],
    [[...video, 'm=audio 0 RTP/AVP 97', 'a=rtpmap:97 G726-32/8000'], { video: 'h264', audio: 'adpcm_g726' }],
    [[...video, 'm=audio 0 RTP/AVP 97', 'a=rtpmap:97 AMR-WB/16000'], { video: 'h264', audio: 'amr_wb' }],
    [[...video, 'm=audio 0 RTP/AVP 97', 'a=rtpmap:97 X-VOICE/8000'], { video: 'h264', audio: 'unknown' }],
    [[...video, 'm=audio 0 RTP/AVP 97'], { video: 'h264', audio: 'unknown' }],
  ])('%j is %j', (lines, description) => {
    expect(read(['v=0', ...lines]).description).toEqual(description);
  });
});
