import { useRef, useState } from 'preact/hooks';
import type { Camera } from '../fleet.ts';
import { clockTime, dayName, hourMinute } from '../format.ts';
import { footageSpan, type GapPiece } from '../gap-pieces.ts';
import { GapBar } from '../parts/gap-bar.tsx';
import { words } from '../words/index.ts';
import { axisTicks } from './axis.ts';

interface TimelineProps {
  camera: Camera;
  fromMs: number;
  toMs: number;
  wallMs: number | null;
  pieces: GapPiece[];
  onSeek: (atMs: number) => void;
}

/** How far the arrow keys move the playhead; Page keys ten times as far. */
const stepMs = 5_000;

/** Which end of the axis a label is so near that it would be cut off: half of one is 28 px, a phone's axis 360 px. */
function endOf(share: number): 'from' | 'to' | undefined {
  const near = innerWidth < 640 ? 0.08 : 0.05;
  if (share < near) return 'from';
  return share > 1 - near ? 'to' : undefined;
}

/** The loaded range: footage, gaps, clock, and a playhead that is a slider. */
export function Timeline({ camera, fromMs, toMs, wallMs, pieces, onSeek }: TimelineProps) {
  const w = words.value;
  const track = useRef<HTMLDivElement>(null);
  const [pointedMs, setPointedMs] = useState<number | null>(null);
  const [draggedMs, setDraggedMs] = useState<number | null>(null);
  const percent = (ms: number) => `${(((ms - fromMs) / (toMs - fromMs)) * 100).toFixed(3)}%`;
  const timeAt = (event: PointerEvent) => {
    const box = track.current?.getBoundingClientRect();
    if (box === undefined) return fromMs;
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return fromMs + part * (toMs - fromMs);
  };
  const headMs = Math.min(toMs, Math.max(fromMs, draggedMs ?? wallMs ?? fromMs));
  const onKeyDown = (event: KeyboardEvent) => {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    const to = event.key === 'Home' ? fromMs : event.key === 'End' ? toMs : headMs + (steps ?? 0) * stepMs;
    if (to === headMs) return;
    event.preventDefault();
    event.stopPropagation();
    onSeek(to);
  };
  const inGap = pieces.find((piece) => headMs >= piece.startMs && headMs < piece.endMs);
  const what = inGap === undefined ? w.recordedHere : w.reasons[inGap.main.reason];
  const shownMs = draggedMs ?? pointedMs;
  const offsetMs = -new Date(fromMs).getTimezoneOffset() * 60_000;
  return (
    <div class="timeline">
      <div
        ref={track}
        class="timeline-track"
        onPointerMove={(event) => setPointedMs(event.pointerType === 'touch' ? null : timeAt(event))}
        onPointerLeave={() => setPointedMs(null)}
      >
        <GapBar
          fromMs={fromMs}
          toMs={toMs}
          footage={footageSpan(camera, fromMs, toMs)}
          pieces={pieces}
          label={w.timeline}
          onChoose={onSeek}
        />
        {shownMs !== null && (
          <span class="timeline-pointer" style={{ left: percent(shownMs) }} aria-hidden="true">
            {clockTime(shownMs)}
          </span>
        )}
        {wallMs !== null && (
          <div
            class="playhead"
            role="slider"
            tabIndex={0}
            style={{ left: percent(headMs) }}
            aria-label={w.timeline}
            aria-valuemin={Math.round(fromMs / 1000)}
            aria-valuemax={Math.round(toMs / 1000)}
            aria-valuenow={Math.round(headMs / 1000)}
            aria-valuetext={w.timelineValue(`${dayName(headMs)} ${clockTime(headMs)}`, camera.name, what)}
            onKeyDown={onKeyDown}
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
              setDraggedMs(headMs);
            }}
            onPointerMove={(event) => draggedMs !== null && setDraggedMs(timeAt(event))}
            onPointerUp={(event) => {
              setDraggedMs(null);
              onSeek(timeAt(event));
            }}
            onPointerCancel={() => setDraggedMs(null)}
          />
        )}
      </div>
      <div class="axis" aria-hidden="true">
        {axisTicks(fromMs, toMs, innerWidth < 640 ? 4 : 9, offsetMs).map((tick) => (
          <span key={tick} data-end={endOf((tick - fromMs) / (toMs - fromMs))} style={{ left: percent(tick) }}>
            {toMs - fromMs < 300_000 ? clockTime(tick) : hourMinute(tick)}
          </span>
        ))}
      </div>
    </div>
  );
}
