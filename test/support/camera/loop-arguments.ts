/** Pictures a simulated camera can show; each looks alive and different from the others. */
export const pictures = ['test', 'bars', 'mandelbrot', 'life', 'noise'] as const;
export type Picture = (typeof pictures)[number];

/** What a simulated camera's pre-encoded loop looks like. */
export interface LoopOptions {
  codec: 'h264' | 'hevc';
  width: number;
  height: number;
  /** Divides 90,000, so that frames fall on whole RTP ticks. */
  fps: number;
  bitrateKbps: number;
  gopSeconds: number;
  bFrames: number;
  slices: number;
  /** Length; the picture's counter runs 0 to frames - 1 and starts again. At most 65,536. */
  frames: number;
  picture: Picture;
  /** Drawn into the picture with a running clock where ffmpeg finds a font; letters, digits, space, `-`. */
  title: string;
}

/** The options with a test's defaults: 320x180, 15 fps, 1 s GOPs, 120 s (30 s above 640 pixels, to be quick to make). */
export function loopOptions(options: Partial<LoopOptions>): LoopOptions {
  const width = options.width ?? 320;
  const fps = options.fps ?? 15;
  return {
    codec: 'h264',
    width,
    height: 180,
    fps,
    bitrateKbps: 300,
    gopSeconds: 1,
    bFrames: 0,
    slices: 1,
    frames: fps * (width <= 640 ? 120 : 30),
    picture: 'test',
    title: '',
    ...options,
  };
}

/**
 * The frame counter a test can read back without OCR: white guard, black guard, 16 squares of 16x16, LSB first.
 * Safe at 320x180 and 300 kbit/s.
 */
export function counterFilter(): string {
  const bits = Array.from({ length: 16 }, (_, bit) => {
    const shown = `mod(floor(n/${2 ** bit})\\,2)`;
    return `drawbox=x=${32 + 16 * bit}:y=0:w=16:h=16:c=white:t=fill:enable='${shown}'`;
  });
  return ['drawbox=x=0:y=0:w=16:h=16:c=white:t=fill', 'drawbox=x=16:y=0:w=272:h=16:c=black:t=fill', ...bits].join(',');
}

/** Slow generators draw small and are scaled up. */
function pictureFilter({ picture, width, height, fps }: LoopOptions): string {
  const size = `size=${width}x${height}:rate=${fps}`;
  const small = `size=320x180:rate=${fps}`;
  const scaled = `scale=${width}:${height}:flags=neighbor`;
  const filters: Record<Picture, string> = {
    test: `testsrc2=${size}`,
    bars: `smptehdbars=${size},scroll=horizontal=0.004`,
    mandelbrot: `mandelbrot=${small}:maxiter=300,${scaled}`,
    life: `life=${small}:mold=10:ratio=0.2:seed=7:life_color=#2ecc71:death_color=#154360:mold_color=#1b2631,${scaled}`,
    noise: `testsrc2=${size},noise=alls=24:allf=t:all_seed=7`,
  };
  return filters[picture];
}

function textFilter({ title, height, fps }: LoopOptions): string {
  const fontSize = Math.max(12, Math.round(height / 18));
  const clock = `%{eif\\:n/${fps}/60\\:d\\:2}\\:%{eif\\:mod(n/${fps}\\,60)\\:d\\:2}`;
  const text = `${title.replaceAll(/[^\w -]/g, '')}  ${clock}`;
  return `drawtext=text='${text}':x=w-tw-16:y=h-th-16:fontsize=${fontSize}:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=6`;
}

function encoderArguments({ codec, fps, bitrateKbps, gopSeconds, bFrames, slices }: LoopOptions): string[] {
  const gop = Math.round(fps * gopSeconds);
  const rate = ['-b:v', `${bitrateKbps}k`, '-maxrate', `${bitrateKbps}k`, '-bufsize', `${bitrateKbps}k`];
  const common = ['-preset', 'ultrafast', '-g', `${gop}`, '-bf', `${bFrames}`, ...rate];
  if (codec === 'h264') {
    return ['-c:v', 'libx264', ...common, '-keyint_min', `${gop}`, '-sc_threshold', '0', '-slices', `${slices}`];
  }
  const x265 = [
    'log-level=error',
    'repeat-headers=1',
    'open-gop=0',
    'scenecut=0',
    `keyint=${gop}`,
    `min-keyint=${gop}`,
    `bframes=${bFrames}`,
    `slices=${slices}`,
  ];
  return ['-c:v', 'libx265', ...common, '-x265-params', x265.join(':')];
}

/**
 * ffmpeg's arguments for a loop: Annex B in `video`, and one `framecrc` line a packet in `index`,
 * which holds what Annex B lacks: access unit sizes and timestamps.
 */
export function loopArguments(options: LoopOptions, font: boolean): string[] {
  const filters = [pictureFilter(options), 'format=yuv420p'];
  if (font && options.title !== '') filters.push(textFilter(options));
  filters.push(counterFilter());
  const input = ['-f', 'lavfi', '-i', filters.join(',')];
  const output = ['-map', '0:v:0', '-f', 'tee', `[f=${options.codec}]video|[f=framecrc]index`];
  const encoder = ['-frames:v', `${options.frames}`, '-pix_fmt', 'yuv420p', ...encoderArguments(options)];
  return ['-hide_banner', '-nostdin', '-v', 'error', '-y', ...input, ...encoder, ...output];
}
