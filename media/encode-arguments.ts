import type { EncoderKind } from '../config.ts';
import { keySeconds, type EncodeTarget } from '../domain/profile.ts';

/** One encoder of this host. */
export interface Encoder {
  kind: EncoderKind;
  /** NVENC: the GPU's number. VAAPI and QSV: the render node, e.g. `/dev/dri/renderD128`. x264: null. */
  device: string | null;
}

export interface EncodeOptions {
  encoder: Encoder;
  /** `cpu` where the device cannot decode this stream (4:2:2, say) but can encode the result. */
  decode: 'gpu' | 'cpu';
  target: EncodeTarget;
  /** Size of the source: what is right already is not scaled. */
  source: { width: number; height: number };
  /** Presentation time of the source's first sample; the result starts there, so that its timeline goes on. */
  startSeconds: number;
  /** Fragmented MP4, a path or `pipe:0`. */
  input: string;
  output: string;
}

/** Cores an x264 job takes: 0.30 of one for 720p10 in real time, so a ten-minute window is done in three minutes. */
const softwareThreads = '1';
/** GPUs overshoot a hard limit less than they starve under it: x264 is held at the rate, they at this much more. */
const gpuPeak = 1.5;
/** Of GPU frames beyond the decoder's own: `fps` and the scaler hold some. */
const extraGpuFrames = '4';

/** What ffmpeg guesses of the sound's bitrate from a file's first second goes into the init, so it is told a number. */
const soundArguments = ['-map', '0:a:0?', '-c:a', 'copy', '-b:a', '64k'];

/**
 * The arguments of the ffmpeg that makes a final segment from finished footage.
 *
 * `fps` stands before the scaler, so that dropped frames are not scaled (0.223 against 0.298 core). The output's time
 * is set by an offset: `-copyts` with `fps` snaps the start. A profile without B-frames keeps tfdt and time equal.
 */
export function encodeArguments(options: EncodeOptions): string[] {
  const { target, input, output } = options;
  return [
    ['-hide_banner', '-nostdin', '-nostats', '-v', 'level+warning', '-y'],
    decoderArguments(options),
    // Footage never opens anything else, whatever its boxes say.
    ['-protocol_whitelist', input.startsWith('pipe:') ? 'pipe' : 'file', '-f', 'mp4', '-i', input],
    ['-map', '0:v:0', ...(target.audio === 'copy' ? soundArguments : [])],
    ['-vf', filters(options), '-fps_mode', 'passthrough'],
    encoderArguments(options),
    keyArguments(target),
    ['-video_track_timescale', '90000', '-output_ts_offset', options.startSeconds.toFixed(6)],
    ['-movflags', '+frag_keyframe+empty_moov+default_base_moof+frag_discont'],
    // The bitrate asked for may follow the sources; in the init it would give each final another one.
    ['-write_btrt', '0', '-avoid_negative_ts', 'disabled', '-f', 'mp4', output],
  ].flat();
}

function decoderArguments({ encoder, decode }: EncodeOptions): string[] {
  const device = encoder.device ?? '0';
  const onCpu = ['-threads', softwareThreads];
  const gpu = { vaapi: `vaapi=gpu:${device}`, qsv: `qsv=gpu:hw,child_device=${device}` };
  switch (encoder.kind) {
    case 'x264':
      return onCpu;
    case 'nvenc': {
      const cuda = ['-hwaccel', 'cuda', '-hwaccel_device', device, '-hwaccel_output_format', 'cuda'];
      return decode === 'cpu' ? onCpu : [...cuda, '-extra_hw_frames', extraGpuFrames];
    }
    case 'vaapi':
      if (decode === 'cpu') return ['-init_hw_device', gpu.vaapi, '-filter_hw_device', 'gpu', ...onCpu];
      return ['-hwaccel', 'vaapi', '-hwaccel_device', device, '-hwaccel_output_format', 'vaapi'];
    default: {
      // A render node as -hwaccel_device would be read as the name of an implementation.
      const qsv = ['-hwaccel', 'qsv', '-hwaccel_device', 'gpu', '-hwaccel_output_format', 'qsv'];
      return ['-init_hw_device', gpu.qsv, ...(decode === 'cpu' ? onCpu : qsv)];
    }
  }
}

function filters({ encoder, decode, target, source }: EncodeOptions): string {
  const { width, height } = target;
  const rate = target.resample ? [`fps=${target.fps}`] : [];
  if (encoder.kind === 'x264' || decode === 'cpu') {
    const scale = width === source.width && height === source.height ? [] : [softwareScale(width, height)];
    return [...rate, ...scale, ...softwareFormat(encoder.kind)].join(',');
  }
  // The GPU's scaler also turns 10 bits into 8, so it stays where the size is right.
  const scale = {
    nvenc: `scale_cuda=${width}:${height}:format=yuv420p`,
    vaapi: `scale_vaapi=w=${width}:h=${height}:format=nv12`,
    qsv: `vpp_qsv=w=${width}:h=${height}:format=nv12`,
  }[encoder.kind];
  return [...rate, scale].join(',');
}

/** Half the cost of bicubic, at no loss that SSIM finds when a picture is made smaller. */
function softwareScale(width: number, height: number): string {
  return `scale=${width}:${height}:flags=fast_bilinear`;
}

function softwareFormat(kind: EncoderKind): string[] {
  if (kind === 'vaapi') return ['format=nv12', 'hwupload'];
  return kind === 'qsv' ? ['format=nv12'] : ['format=yuv420p'];
}

function encoderArguments({ encoder, decode, target }: EncodeOptions): string[] {
  const kbps = (factor: number): string => `${Math.round(target.bitrateKbps * factor)}k`;
  const rates = (peak: number): string[] => ['-b:v', kbps(1), '-maxrate', kbps(peak), '-bufsize', kbps(2), '-bf', '0'];
  switch (encoder.kind) {
    case 'x264':
      return ['-c:v', 'libx264', '-preset', 'superfast', '-threads', softwareThreads, ...rates(1)];
    case 'nvenc': {
      const quality = ['-preset', 'p3', '-tune', 'hq', '-profile:v', 'high', '-rc', 'vbr', ...rates(gpuPeak)];
      // With CUDA frames the encoder is where they are.
      const gpu = decode === 'cpu' ? ['-gpu', encoder.device ?? '0'] : [];
      // Without -forced-idr forced keys were no keys: 6 s became 10.43 s.
      return ['-c:v', 'h264_nvenc', ...gpu, ...quality, '-forced-idr', '1'];
    }
    case 'vaapi':
      return ['-c:v', 'h264_vaapi', '-rc_mode', 'VBR', ...rates(gpuPeak)];
    default:
      return ['-c:v', 'h264_qsv', ...rates(gpuPeak), '-forced_idr', '1'];
  }
}

/** Keys every 4 s: counted in frames where the rate is constant, in time where each frame keeps its own. */
function keyArguments(target: EncodeTarget): string[] {
  const frames = String(Math.max(1, Math.round(target.fps * keySeconds)));
  if (!target.resample) {
    // By default each time is rounded to a whole frame of the mean rate.
    const ownTimes = ['-enc_time_base', '1:90000'];
    return [...ownTimes, '-g', frames, '-force_key_frames', `expr:gte(t,n_forced*${keySeconds})`];
  }
  return ['-g', frames, '-keyint_min', frames, '-sc_threshold', '0'];
}
