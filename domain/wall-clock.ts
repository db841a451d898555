/**
 * Media time and wall time are kept apart: a run's pictures are placed on the wall clock by one offset, which is
 * corrected slowly. So a segment starts exactly where the one before it ended, whatever jitter its packets had.
 * All times in ms; media time is the run's own (tfdt over timescale), wall time is ms since 1970.
 */
export interface WallClock {
  /** Wall time of media time 0. A fraction of a ms is kept, so that rounding does not add up. */
  offsetMs: number;
  /** Wall end of the newest placed segment; the next one starts here. Null before the first. */
  lastEndMs: number | null;
  /** Newest observations of (arrival - media time); their smallest is the one with the least delay in it. */
  samples: number[];
}

/** Where a segment lies on the wall clock. */
export interface Placement {
  clock: WallClock;
  startMs: number;
  durationMs: number;
  /** True: this segment starts a new timeline; a player needs a DISCONTINUITY before it. */
  anchor: boolean;
}

/** A finished segment as it was seen. */
export interface SeenSegment {
  mediaStartMs: number;
  mediaEndMs: number;
  /** When its end was seen; null after a crash, when nobody saw it. */
  arrivalMs: number | null;
  /** How it came, by a clock that is never set; null where nobody saw it. */
  pace: SegmentPace | null;
  /** What came right before it was put aside: it does not start where the placed ones end. */
  isAfterLoss?: boolean;
}

/** How fast a segment came. */
export interface SegmentPace {
  /** Since the end before it was seen, or since the first packet. */
  elapsedMs: number;
  /** By how much earlier its end was seen than any end before allows: what was held up and then came at once is not. */
  aheadMs: number;
}

/** Follows a run by a clock that is never set. */
export interface Pace {
  /** When the newest end, or the first packet, was seen. */
  seenMs: number;
  /** The smallest delay of a picture so far: (seen - media time). A picture with less has come before its time. */
  leastDelayMs: number;
  /** A camera may send what it has buffered with its first packets: the first segment only sets the measure. */
  isMeasured: boolean;
}

/** Five observations: one late burst of packets cannot look like drift, and real drift shows within five segments. */
const sampleCount = 5;
/** A correction this small is not seen: less than one frame at 30 fps. */
const smallestSlewMs = 20;
/** For segments over 10 s: 2,000 ppm, ten times what a bad quartz drifts. */
const slewShare = 0.002;
/** Media that came in less time than this share of it was held up before. */
const catchUpShare = 0.9;
/** Off by more than this, the wall clock or the camera has stepped, and slewing would take too long. */
const stepMs = 1000;

/**
 * Starts a run's clock at its first packet.
 * @param firstArrivalMs when the first packet of media time `mediaMs` came
 * @param notBeforeMs end of what this recorder has placed already: a host clock set back must not make footage overlap
 */
export function anchorClock(firstArrivalMs: number, mediaMs: number, notBeforeMs: number | null): WallClock {
  const startMs = Math.max(firstArrivalMs, notBeforeMs ?? firstArrivalMs);
  return { offsetMs: startMs - mediaMs, lastEndMs: null, samples: [firstArrivalMs - mediaMs] };
}

/** Where a recording's footage is just now. */
export interface Archive {
  /** End of what is placed; null = nothing is. */
  lastEndMs: number | null;
  /**
   * What is added to a clock that is never set to know the time of the archive, by the newest ends of files that were
   * seen. One that was seen late says too little.
   */
  offsetsMs: readonly number[];
}

/** Two looks at a steady archive differ by the jitter of a loaded machine; only more than this is worth writing down. */
const offsetJitterMs = 250;

/** What is worth writing down of where the archive is, for whoever goes on with it; null = what is kept still holds. */
export function offsetToKeep(offsetsMs: Archive['offsetsMs'], keptMs: number | null): number | null {
  if (offsetsMs.length === 0) return null;
  const offsetMs = Math.max(...offsetsMs);
  return keptMs === null || Math.abs(offsetMs - keptMs) > offsetJitterMs ? offsetMs : null;
}

/** The archive after the end of its newest file was seen. */
export function followArchive({ lastEndMs, offsetsMs }: Archive, seenMs: number): Archive {
  if (lastEndMs === null) return { lastEndMs, offsetsMs };
  return { lastEndMs, offsetsMs: [...offsetsMs, lastEndMs - seenMs].slice(-sampleCount) };
}

/**
 * The earliest start of a new run. A host clock that was ahead and is set right leaves footage ahead of it; a break then
 * lasts as long as it does by the clock that is never set, or the archive would have less of a hole than was lost.
 * @param first when the run's first packet came, by the host's clock and by the other one
 */
export function earliestStart(archive: Archive, first: { arrivalMs: number; steadyMs: number }): number | null {
  const { lastEndMs, offsetsMs } = archive;
  if (offsetsMs.length === 0) return lastEndMs;
  const archiveMs = Math.round(first.steadyMs + Math.max(...offsetsMs));
  return archiveMs - first.arrivalMs > stepMs ? Math.max(lastEndMs ?? archiveMs, archiveMs) : lastEndMs;
}

/** A run's pace at its first packet. */
export function startPace(seenMs: number): Pace {
  return { seenMs, leastDelayMs: seenMs, isMeasured: false };
}

/**
 * The pace after a segment's end was seen, and that segment's own. The measure follows the drift of a quartz; what is
 * more than that adds up over segments until it is a step, for of short ones each is ahead by little.
 */
export function keepPace(
  before: Pace,
  { mediaStartMs, mediaEndMs }: Pick<SeenSegment, 'mediaStartMs' | 'mediaEndMs'>,
  seenMs: number,
): { pace: Pace; segment: SegmentPace } {
  const delayMs = seenMs - mediaEndMs;
  const earlyMs = Math.max(0, before.leastDelayMs - delayMs);
  const aheadMs = before.isMeasured ? earlyMs : 0;
  const driftMs = Math.min(earlyMs, (mediaEndMs - mediaStartMs) * slewShare);
  const isTold = !before.isMeasured || aheadMs > stepMs;
  const leastDelayMs = before.leastDelayMs - (isTold ? earlyMs : driftMs);
  return {
    pace: { seenMs, leastDelayMs, isMeasured: true },
    segment: { elapsedMs: seenMs - before.seenMs, aheadMs },
  };
}

/**
 * Places a closed segment.
 * @param notBeforeMs as in anchorClock; matters for a run's first segment only
 */
export function placeSegment(clock: WallClock, segment: SeenSegment, notBeforeMs: number | null): Placement {
  const samples =
    segment.arrivalMs === null
      ? clock.samples
      : [...clock.samples, segment.arrivalMs - segment.mediaEndMs].slice(-sampleCount);
  const observedMs = samples.length === 0 ? clock.offsetMs : Math.min(...samples);
  return clock.lastEndMs === null
    ? placeFirst(segment, samples, observedMs, notBeforeMs)
    : placeNext(clock, clock.lastEndMs, segment, samples, observedMs);
}

/** A camera that sends its buffer at once makes the first packet late; what came by the segment's end corrects it. */
function placeFirst(
  segment: SeenSegment,
  samples: number[],
  observedMs: number,
  notBeforeMs: number | null,
): Placement {
  const startMs = Math.round(Math.max(observedMs + segment.mediaStartMs, notBeforeMs ?? -Infinity));
  const durationMs = Math.max(1, Math.round(segment.mediaEndMs - segment.mediaStartMs));
  const clock = { offsetMs: startMs - segment.mediaStartMs, lastEndMs: startMs + durationMs, samples };
  return { clock, startMs, durationMs, anchor: true };
}

function placeNext(
  clock: WallClock,
  lastEndMs: number,
  segment: SeenSegment,
  samples: number[],
  observedMs: number,
): Placement {
  const lengthMs = segment.mediaEndMs - segment.mediaStartMs;
  const driftMs = observedMs - clock.offsetMs;
  // While a stream makes up for a stall each picture is late still, though no clock has stepped.
  const catchesUp = segment.pace !== null && segment.pace.elapsedMs < lengthMs * catchUpShare;
  if (driftMs > stepMs && !catchesUp) {
    const startMs = Math.round(observedMs + segment.mediaStartMs);
    const durationMs = Math.max(1, Math.round(lengthMs));
    return {
      clock: { offsetMs: observedMs, lastEndMs: startMs + durationMs, samples },
      startMs,
      durationMs,
      anchor: true,
    };
  }
  // A host clock set back cannot be followed: the footage would lie over what is placed. It is slewed away instead.
  const limitMs = Math.max(smallestSlewMs, lengthMs * slewShare);
  const aheadMs = driftMs < -stepMs ? Math.max(limitMs, aheadOf(segment)) : limitMs;
  const offsetMs = clock.offsetMs + Math.min(Math.max(driftMs, -aheadMs), limitMs);
  const isAfterLoss = segment.isAfterLoss === true;
  const startMs = isAfterLoss ? Math.max(lastEndMs, Math.round(offsetMs + segment.mediaStartMs)) : lastEndMs;
  const endMs = Math.max(startMs + 1, Math.round(offsetMs + segment.mediaEndMs));
  return { clock: { offsetMs, lastEndMs: endMs, samples }, startMs, durationMs: endMs - startMs, anchor: isAfterLoss };
}

/** By how much a segment's picture times are wrong: so much of it came before its time. */
function aheadOf({ pace }: SeenSegment): number {
  return pace !== null && pace.aheadMs > stepMs ? pace.aheadMs : 0;
}

/** A third of a segment before its time: no clock is that wrong, the picture times are. */
const runawayShare = 1 / 3;

/**
 * Whether a segment's picture times run away. ffmpeg loses the order of B-frames for good when the camera's clock is
 * set back, and then counts each of them double; only a new connection cures it.
 */
export function runsAway(segment: SeenSegment): boolean {
  return aheadOf(segment) > (segment.mediaEndMs - segment.mediaStartMs) * runawayShare;
}
