export interface RecordOptions {
  /** The dialer's address; no login in it, since every user of the machine can read an argv. */
  url: string;
  /** An existing folder; files are called 0.mp4, 1.mp4, ... */
  dir: string;
  segmentSeconds: number;
  codec: 'h264' | 'hevc';
  /** What the profile keeps. */
  audio: 'none' | 'aac';
  /** FFmpeg's name of the camera's audio codec; null = it sends none, or that is not known. */
  audioCodec: string | null;
  /** ffmpeg notices a stall after twice this time. */
  timeoutMs: number;
}

/** Ticks of the 90 kHz clock that RTP prescribes for H.264 and H.265. */
const rtpHz = 90_000;
/** Steps outside 0-12 s are clock steps, not pauses; must exceed the real stall limit, twice `timeoutMs`. */
const maxPauseSeconds = 12;
const maxPauseTicks = maxPauseSeconds * rtpHz;
/**
 * Sound that stops, or that never comes, holds pictures back for this long, in µs. With ffmpeg's own 10 s all that
 * followed was 10 s late in the archive, and `kill -9` lost as much; without sound missing nothing is changed by it.
 */
const maxInterleaveDelta = 250_000;
/** B-frame delay to believe. */
const maxReorderTicks = 2 * rtpHz;
/** One frame at 30 fps, where the packet does not say how long it is. */
const frameTicks = rtpHz / 30;

/**
 * Decode times that start at 0 and follow the camera's RTP cadence; a step of its clock becomes one frame.
 * Never `TB` in it: that gave 1-tick timestamps on live RTSP.
 */
function repairTimestamps(): string {
  const step = `DTS-PREV_INDTS`;
  const frame = `if(gt(DURATION\\,0)\\,DURATION\\,${frameTicks})`;
  const dts = `if(eq(N\\,0)\\,0\\,PREV_OUTDTS+if(between(${step}\\,1\\,${maxPauseTicks})\\,${step}\\,${frame}))`;
  return `setts=dts=${dts}:pts=if(between(PTS-DTS\\,0\\,${maxReorderTicks})\\,PTS-DTS\\,0)+${dts}`;
}

const fragmentOptions = [
  'movflags=+frag_keyframe+empty_moov+default_base_moof+frag_discont',
  'frag_duration=1000000', // µs: 1 s fragments also inside a long GOP, for live
  'avoid_negative_ts=disabled', // with frag_discont: tfdt runs on from file to file
  'flush_packets=1', // kill -9 loses the open fragment only
].join(':');

/**
 * The arguments of the recording ffmpeg: copies the video, cuts it at keys, and lists finished files on fd 1.
 * Progress comes on fd 3. @throws RangeError where the stall limit reaches the longest pause kept
 */
export function recordArguments(options: RecordOptions): string[] {
  if (options.timeoutMs * 2 >= maxPauseSeconds * 1000) {
    throw new RangeError(`a timeout of ${options.timeoutMs} ms would let pauses pass that are taken for clock steps`);
  }
  const withAudio = options.audio === 'aac';
  return [
    ['-hide_banner', '-nostdin', '-nostats', '-v', 'level+info', '-progress', 'pipe:3', '-stats_period', '5'],
    ['-rtsp_transport', 'tcp', '-allowed_media_types', withAudio ? 'video+audio' : 'video'],
    ['-timeout', String(options.timeoutMs * 1000), '-protocol_whitelist', 'tcp,rtp', '-f', 'rtsp'],
    ['-i', options.url, '-map', '0:v:0'],
    withAudio ? ['-map', '0:a:0?'] : [],
    withAudio ? ['-c:v', 'copy', ...audioCodecArguments(options.audioCodec)] : ['-c', 'copy'],
    options.codec === 'hevc' ? ['-tag:v', 'hvc1'] : [],
    ['-bsf:v', repairTimestamps()],
    withAudio ? ['-max_interleave_delta', String(maxInterleaveDelta)] : [],
    ['-f', 'segment', '-segment_time', String(options.segmentSeconds), '-segment_time_delta', '0.05'],
    ['-segment_format', 'mp4', '-segment_format_options', fragmentOptions],
    ['-segment_list', 'pipe:1', '-segment_list_type', 'csv', `${options.dir}/%d.mp4`],
  ].flat();
}

/**
 * AAC is copied; all else is encoded, since MP4 has no tag for PCMU and PCMA and ffmpeg would end at once.
 * Steps of the camera's clock are repaired as for the video: left alone, `aresample` filled one of 1 h with an hour of
 * silence.
 */
function audioCodecArguments(audioCodec: string | null): string[] {
  const repaired = (first: string, inTs: string, outTs: string, now: string, nominal: string): string => {
    const step = `${now}-${inTs}`;
    const pause = `between(${step}\\,1\\,${maxPauseSeconds}*SR)`;
    return `if(eq(N\\,0)\\,${first}\\,${outTs}+if(${pause}\\,${step}\\,${nominal}))`;
  };
  if (audioCodec === 'aac') {
    const ts = repaired('max(DTS\\,0)', 'PREV_INDTS', 'PREV_OUTDTS', 'DTS', `if(gt(DURATION\\,0)\\,DURATION\\,1024)`);
    return ['-c:a', 'copy', '-bsf:a', `setts=ts=${ts}`];
  }
  const pts = repaired('PTS', 'PREV_INPTS', 'PREV_OUTPTS', 'PTS', 'NB_SAMPLES');
  return ['-c:a', 'aac', '-ar', '16000', '-b:a', '32k', '-af', `asetpts=${pts},aresample=async=1000`];
}

export interface ProbeOptions {
  url: string;
  timeoutMs: number;
}

/** The arguments of the ffprobe that describes a camera's stream as JSON on fd 1. */
export function probeArguments(options: ProbeOptions): string[] {
  return [
    ['-hide_banner', '-v', 'level+error', '-print_format', 'json', '-show_streams'],
    ['-rtsp_transport', 'tcp', '-allowed_media_types', 'video+audio'],
    ['-timeout', String(options.timeoutMs * 1000), '-protocol_whitelist', 'tcp,rtp', '-f', 'rtsp'],
    ['-i', options.url],
  ].flat();
}
