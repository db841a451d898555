import type { Hole } from './gaps.ts';

/** A playlist entry: a run of fragments that starts at a key picture. */
export interface Entry {
  bytes: number;
  ms: number;
  /** From the entry's start to the end of its key sample: what a single picture needs besides the init. */
  keyBytes: number;
}

/** What the head of an object says about its footage. */
export interface StreamFormat {
  codec: 'h264' | 'hevc';
  /** RFC 6381, e.g. `avc1.64001f`. */
  codecTag: string;
  width: number;
  height: number;
  fps: number;
  /** FFmpeg's name; null = no audio track. */
  audioCodec: string | null;
  /** ftyp and moov at the head of the object. */
  initBytes: number;
  /** Hex. */
  initSha256: string;
}

/** One object of footage and its catalogue row. */
export interface Segment {
  startMs: number;
  durationMs: number;
  bytes: number;
  epoch: number;
  /** Hex, of the whole object. */
  sha256: string;
  /** 0 source, else a profile. */
  variant: number;
  /** Starts a new media timeline: its tfdt does not continue the previous segment's. */
  anchor: boolean;
  format: StreamFormat;
  /** In order and without holes, the first one right after the init. */
  entries: Entry[];
  /** Where it has no pictures, to be noted with it; the catalogue does not give them back. */
  pauses?: readonly Hole[];
}

/** One moof with its mdat, seen from the video track; times in ticks of the track's timescale. */
export interface Fragment {
  /** Of the moof, from the start of the file. */
  offset: number;
  /** Up to the next fragment. */
  bytes: number;
  /** Decode time of the first sample. */
  tfdt: number;
  durationTicks: number;
  samples: number;
  /** The first sample can be decoded alone. */
  key: boolean;
  /** From the fragment's start to the end of its first video sample. */
  keyBytes: number;
  /** Of the first video sample alone. */
  sampleBytes: number;
}

/** What the sanity check needs of a file's index. */
export interface FragmentTimeline {
  timescale: number;
  fragments: readonly Fragment[];
}

type SanityCode = 'empty' | 'no-key' | 'not-monotonic' | 'tfdt-too-large' | 'too-short' | 'too-long';

export interface SanityProblem {
  code: SanityCode;
  /** For logs and evidence. */
  text: string;
}

export interface SanityLimits {
  /** The longest duration to believe: an RTP clock jump once made a one-minute segment report 2 h 22 min. */
  maxDurationMs: number;
}

/** 2^40: 141 days of a 90 kHz clock. A tfdt near 2^64 (negative dts of B-frames) breaks Chromium for good. */
export const maxTfdt = 2 ** 40;

/** Entries of 2 s seek in 1.0 s at 20 Mbit/s, of 6 s in 2.7 s; the 0.1 s lets a jittery 2 s GOP be one entry. */
const minEntrySeconds = 1.9;

/** Multi-slice H.264 can yield "key" fragments of parameter sets only, shorter than any frame (200 fps). */
const minFragmentSeconds = 0.005;

/** The ticks of the fragments summed: the length of the last sample is nominal, see `segmentDurationMs`. */
export function totalTicks(fragments: readonly Fragment[]): number {
  return fragments.reduce((sum, fragment) => sum + fragment.durationTicks, 0);
}

/**
 * The duration of a segment in ms: to the next object's first tfdt where that is known and believable, for the last
 * sample's own length is nominal (off by up to 34 ms); else, as for a session's last object, the sum of the samples.
 */
export function segmentDurationMs(timeline: FragmentTimeline, nextTfdt: number | null, limits: SanityLimits): number {
  const first = timeline.fragments[0];
  if (first === undefined) return 0;
  const sumMs = toMs(totalTicks(timeline.fragments), timeline.timescale);
  if (nextTfdt === null) return sumMs;
  const last = timeline.fragments[timeline.fragments.length - 1] ?? first;
  const stepMs = toMs(nextTfdt - first.tfdt, timeline.timescale);
  return nextTfdt > last.tfdt && stepMs <= limits.maxDurationMs ? stepMs : sumMs;
}

/** What speaks against cataloguing this file; empty = nothing. */
export function checkSanity(timeline: FragmentTimeline, limits: SanityLimits): SanityProblem[] {
  const { fragments, timescale } = timeline;
  const first = fragments[0];
  const last = fragments[fragments.length - 1];
  if (first === undefined || last === undefined) return [{ code: 'empty', text: 'no whole fragment' }];
  const problems: SanityProblem[] = [];
  if (!first.key) problems.push({ code: 'no-key', text: 'the first fragment does not start at a key picture' });
  const backwards = fragments.findIndex((fragment, i) => i > 0 && fragment.tfdt < (fragments[i - 1]?.tfdt ?? 0));
  if (backwards > 0) {
    problems.push({
      code: 'not-monotonic',
      text: `tfdt of fragment ${backwards} lies before that of the previous one`,
    });
  }
  const highest = fragments.reduce((most, fragment) => Math.max(most, fragment.tfdt + fragment.durationTicks), 0);
  if (highest > maxTfdt || fragments.some((fragment) => fragment.tfdt < 0)) {
    problems.push({ code: 'tfdt-too-large', text: `tfdt ${highest} is above ${maxTfdt}` });
  }
  const longestTicks = Math.max(totalTicks(fragments), highest - first.tfdt);
  const longestMs = toMs(longestTicks, timescale);
  if (longestMs > limits.maxDurationMs) {
    problems.push({ code: 'too-long', text: `a duration of ${longestMs} ms is above ${limits.maxDurationMs} ms` });
  }
  if (toMs(totalTicks(fragments), timescale) < 1) problems.push({ code: 'too-short', text: 'shorter than 1 ms' });
  return problems;
}

/**
 * The playlist entries of a file: runs of fragments that start at a key, one GOP but >= 1.9 s.
 * @param durationMs the segment's duration, over which the entries' ms are spread so that they sum to it exactly
 */
export function entriesOf(fragments: readonly Fragment[], timescale: number, durationMs: number): Entry[] {
  const merged = mergeTiny(fragments, timescale);
  const runs: { bytes: number; ticks: number; keyBytes: number }[] = [];
  for (const fragment of merged) {
    const run = runs[runs.length - 1];
    if (run === undefined || (fragment.key && run.ticks >= minEntrySeconds * timescale)) {
      runs.push({ bytes: fragment.bytes, ticks: fragment.durationTicks, keyBytes: fragment.keyBytes });
    } else {
      run.bytes += fragment.bytes;
      run.ticks += fragment.durationTicks;
    }
  }
  const all = totalTicks(fragments);
  let ticks = 0;
  let spentMs = 0;
  return runs.map((run) => {
    ticks += run.ticks;
    const endMs = all === 0 ? durationMs : Math.round((ticks * durationMs) / all);
    const ms = endMs - spentMs;
    spentMs = endMs;
    return { bytes: run.bytes, ms, keyBytes: run.keyBytes };
  });
}

/** Joins fragments shorter than a frame: parameter sets to the picture that follows, the rest to the one before. */
function mergeTiny(fragments: readonly Fragment[], timescale: number): Fragment[] {
  const merged: Fragment[] = [];
  let head: Fragment | null = null;
  const isTiny = (fragment: Fragment): boolean => fragment.durationTicks < minFragmentSeconds * timescale;
  for (const fragment of fragments) {
    const previous = merged[merged.length - 1];
    if (head !== null) {
      head = join(head, fragment, head.bytes + fragment.keyBytes);
      if (isTiny(head)) continue;
      merged.push(head);
      head = null;
    } else if (isTiny(fragment) && (fragment.key || previous === undefined)) {
      head = fragment;
    } else if (isTiny(fragment) && previous !== undefined) {
      merged[merged.length - 1] = join(previous, fragment, previous.keyBytes);
    } else {
      merged.push(fragment);
    }
  }
  if (head === null) return merged;
  const previous = merged.pop();
  return previous === undefined ? [head] : [...merged, join(previous, head, previous.keyBytes)];
}

function join(a: Fragment, b: Fragment, keyBytes: number): Fragment {
  return {
    ...a,
    bytes: a.bytes + b.bytes,
    durationTicks: a.durationTicks + b.durationTicks,
    samples: a.samples + b.samples,
    keyBytes,
  };
}

function toMs(ticks: number, timescale: number): number {
  return Math.round((ticks * 1000) / timescale);
}
