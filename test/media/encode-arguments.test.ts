import { describe, expect, it } from 'vitest';
import type { EncoderKind } from '../../config.ts';
import { encodeArguments, type EncodeOptions } from '../../media/encode-arguments.ts';
import { createEncodeClassifier } from '../../media/encode-errors.ts';
import { runTool } from '../../media/ffmpeg.ts';
import { probeClip } from '../../media/probe-clip.ts';
import { ffmpeg, run } from './footage.ts';

const target = { width: 1280, height: 720, fps: 10, resample: true, bitrateKbps: 1000, audio: 'none' as const };

function options(kind: EncoderKind, change: Partial<EncodeOptions> = {}): EncodeOptions {
  const device = { nvenc: '1', vaapi: '/dev/dri/renderD128', qsv: '/dev/dri/renderD128', x264: null }[kind];
  return {
    encoder: { kind, device },
    decode: kind === 'x264' ? 'cpu' : 'gpu',
    target,
    source: { width: 1920, height: 1080 },
    startSeconds: 20,
    input: 'pipe:0',
    output: 'out.mp4',
    ...change,
  };
}

const text = (given: EncodeOptions): string => encodeArguments(given).join(' ');

describe('encodeArguments', () => {
  it('is the measured command for x264', () => {
    expect(text(options('x264'))).toBe(
      '-hide_banner -nostdin -nostats -v level+warning -y -threads 1 -protocol_whitelist pipe -f mp4 -i pipe:0 ' +
        '-map 0:v:0 -vf fps=10,scale=1280:720:flags=fast_bilinear,format=yuv420p -fps_mode passthrough ' +
        '-c:v libx264 -preset superfast -threads 1 -b:v 1000k -maxrate 1000k -bufsize 2000k -bf 0 ' +
        '-g 40 -keyint_min 40 -sc_threshold 0 -video_track_timescale 90000 -output_ts_offset 20.000000 ' +
        '-movflags +frag_keyframe+empty_moov+default_base_moof+frag_discont -write_btrt 0 ' +
        '-avoid_negative_ts disabled -f mp4 out.mp4',
    );
  });

  it('keeps the frames on the GPU with NVENC: fps before scale_cuda, forced keys as IDR', () => {
    const args = text(options('nvenc'));
    expect(args).toContain('-hwaccel cuda -hwaccel_device 1 -hwaccel_output_format cuda -extra_hw_frames 4 ');
    expect(args).toContain('-vf fps=10,scale_cuda=1280:720:format=yuv420p ');
    expect(args).toContain('-c:v h264_nvenc -preset p3 -tune hq -profile:v high -rc vbr -b:v 1000k -maxrate 1500k ');
    expect(args).toContain('-bf 0 -forced-idr 1 -g 40');
    expect(args).not.toContain('-gpu');
  });

  it('names the GPU where the CPU decodes for it', () => {
    const args = text(options('nvenc', { decode: 'cpu' }));
    expect(args).toContain('-c:v h264_nvenc -gpu 1 ');
    expect(args).toContain('-vf fps=10,scale=1280:720:flags=fast_bilinear,format=yuv420p ');
    expect(args).not.toContain('hwaccel');
  });

  it('uses VAAPI and QSV on their render node', () => {
    expect(text(options('vaapi'))).toContain(
      '-hwaccel vaapi -hwaccel_device /dev/dri/renderD128 -hwaccel_output_format vaapi ',
    );
    expect(text(options('vaapi'))).toContain('-vf fps=10,scale_vaapi=w=1280:h=720:format=nv12 ');
    expect(text(options('vaapi', { decode: 'cpu' }))).toContain('format=nv12,hwupload ');
    expect(text(options('qsv'))).toContain('-vf fps=10,vpp_qsv=w=1280:h=720:format=nv12 ');
    expect(text(options('qsv'))).toContain('-forced_idr 1 '); // an underscore, unlike NVENC's
  });

  it('keeps each frame with its time where the rate is right, with keys by time', () => {
    const args = text(options('x264', { target: { ...target, resample: false, fps: 25 } }));
    expect(args).not.toContain('fps=');
    expect(args).toContain('-enc_time_base 1:90000 -g 100 -force_key_frames expr:gte(t,n_forced*4)');
  });

  it('scales only where the size differs, and maps sound only where it is kept', () => {
    const same = options('x264', { source: target, target: { ...target, audio: 'copy' } });
    expect(text(same)).not.toContain('scale=');
    expect(text(same)).toContain('-map 0:v:0 -map 0:a:0? -c:a copy ');
    expect(text(options('x264'))).not.toContain('0:a');
  });
});

describe('against the real ffmpeg', () => {
  const cases = (['nvenc', 'vaapi', 'qsv', 'x264'] as const).flatMap((kind) =>
    (kind === 'x264' ? (['cpu'] as const) : (['gpu', 'cpu'] as const)).flatMap((decode) =>
      [true, false].map((resample) => ({ kind, decode, resample })),
    ),
  );

  it.each(cases)('has every option and filter of $kind decoding on the $decode, resample $resample', async (one) => {
    const args = encodeArguments(
      options(one.kind, { decode: one.decode, target: { ...target, resample: one.resample } }),
    );
    const encoder = args[args.indexOf('-c:v') + 1] ?? '';
    const [ownHelp, allHelp, filters] = (
      await Promise.all([
        run(ffmpeg, ['-hide_banner', '-h', `encoder=${encoder}`]),
        run(ffmpeg, ['-hide_banner', '-h', 'full']),
        run(ffmpeg, ['-hide_banner', '-filters']),
      ])
    ).map((help) => help.toString('utf8'));
    const own = args.slice(args.indexOf('-c:v') + 2, args.indexOf('-video_track_timescale'));
    const isKnown = (name: string, help = ''): boolean => new RegExp(`^ *${name}(:v)?[ <]`, 'm').test(help);
    const unknown = args
      .filter((arg) => /^-[a-z]/.test(arg))
      .map((arg) => arg.replace(/:[va]$/, '').replace(/^-no/, '-'))
      .filter(
        (name) => !isKnown(name, ownHelp) && !isKnown(name, allHelp) && !['-i', '-c', '-b', '-profile'].includes(name),
      );
    expect(unknown).toEqual([]);
    // What only this encoder knows stands in its own help, with the value where it takes named ones.
    const named = {
      '-preset': one.kind === 'nvenc',
      '-tune': true,
      '-rc': true,
      '-rc_mode': true,
      '-forced-idr': true,
    };
    for (const [name, hasNames] of Object.entries(named)) {
      const at = own.indexOf(name);
      if (at < 0) continue;
      expect(isKnown(name, ownHelp), `${encoder} has ${name}`).toBe(true);
      const value = own[at + 1] ?? '';
      if (hasNames && !/^\d+$/.test(value)) expect(ownHelp).toMatch(new RegExp(`^ +${value} `, 'm'));
    }
    const chain = args[args.indexOf('-vf') + 1] ?? '';
    for (const filter of chain.split(',')) {
      const [name = '', given = ''] = filter.split('=', 2);
      expect(filters).toMatch(new RegExp(`^ ...? ${name} `, 'm'));
      const help = (await run(ffmpeg, ['-hide_banner', '-h', `filter=${name}`])).toString('utf8');
      const keys = [...filter.slice(name.length + 1).matchAll(/(?:^|:)([a-z_]+)=/g)].map(([, key]) => key);
      for (const key of keys) expect(help, `${name} has ${key} (${given})`).toMatch(new RegExp(`^ +${key} +<`, 'm'));
    }
  });

  it.each(cases)('takes the arguments of $kind, $decode, $resample: only a device may be missing', async (one) => {
    const given = { ...target, width: 320, height: 180, resample: one.resample };
    const classifier = createEncodeClassifier();
    const result = await runTool({
      binary: ffmpeg,
      args: encodeArguments(options(one.kind, { decode: one.decode, target: given, output: 'pipe:1' })),
      stdin: probeClip,
      timeoutMs: 30_000,
      onStderr: (line) => classifier.push(line),
    });
    if (result.code === 0) return; // this machine has the device
    expect(one.kind).not.toBe('x264');
    expect(['no-driver', 'no-device', 'wrong-driver']).toContain(classifier.result()?.failure);
  });

  it('would notice an option that is not there', async () => {
    const args = encodeArguments(options('x264', { output: 'pipe:1' })).map((arg) => (arg === '-bf' ? '-enc_id' : arg));
    const classifier = createEncodeClassifier();
    const onStderr = (line: string): void => classifier.push(line);
    const result = await runTool({ binary: ffmpeg, args, stdin: probeClip, timeoutMs: 30_000, onStderr });
    expect(result.code).toBe(1);
    expect(classifier.result()?.failure).toBe('not-built-in');
  });
});
